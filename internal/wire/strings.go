package wire

import "time"

// AppendStrings appends texts, each behind its length.
func AppendStrings(buf []byte, texts ...string) []byte {
	for _, text := range texts {
		buf = AppendString(buf, text)
	}
	return buf
}

// AppendList appends a list of texts behind their count.
func AppendList(buf []byte, texts []string) []byte {
	return AppendStrings(AppendUint(buf, uint64(len(texts))), texts...)
}

// AppendSeconds appends a time in seconds since 1970.
func AppendSeconds(buf []byte, t time.Time) []byte { return AppendInt(buf, t.Unix()) }

// StringDecoder is a Decoder whose texts are parts of one string, so that they cost one
// allocation in all.
type StringDecoder struct {
	Decoder
	text string // what Raw was
}

// NewStringDecoder returns a decoder of raw.
func NewStringDecoder(raw []byte) *StringDecoder {
	return &StringDecoder{Decoder{Raw: raw}, string(raw)}
}

// String takes what AppendString wrote.
func (d *StringDecoder) String() string {
	size := d.Uint()
	at := len(d.text) - len(d.Raw)
	return d.text[at : at+len(d.Take(size))]
}

// Seconds takes what AppendSeconds wrote.
func (d *StringDecoder) Seconds() time.Time { return time.Unix(d.Int(), 0).UTC() }

// List takes what AppendList wrote, nil when it is empty.
func (d *StringDecoder) List() []string { return TakeList(d, (*StringDecoder).String) }

// TakeList takes a list of elements behind their count, each of at least a byte; nil
// when it is empty.
func TakeList[T any](d *StringDecoder, take func(*StringDecoder) T) []T {
	count := d.Count(1)
	if count == 0 {
		return nil
	}
	list := make([]T, count)
	for i := range list {
		list[i] = take(d)
	}
	return list
}
