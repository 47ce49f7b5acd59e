package wire

import (
	"encoding/binary"
	"time"
)

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

// StringDecoder is a Decoder of a string. The texts that it takes are parts of the
// string, so that they cost no allocation.
type StringDecoder struct {
	left   string
	failed bool
}

// NewStringDecoder returns a decoder of a string.
func NewStringDecoder(raw string) *StringDecoder { return &StringDecoder{left: raw} }

// Fail makes the decoder fail, for a value that no encoder writes.
func (d *StringDecoder) Fail() { d.left, d.failed = "", true }

// Err returns ErrMalformed unless all was taken and every field was there.
func (d *StringDecoder) Err() error {
	if d.failed || d.left != "" {
		return ErrMalformed
	}
	return nil
}

// Uint takes what AppendUint wrote.
func (d *StringDecoder) Uint() (number uint64) {
	for i := range min(len(d.left), binary.MaxVarintLen64) {
		b := d.left[i]
		if i == binary.MaxVarintLen64-1 && b > 1 {
			break // more than 64 bits
		}
		if number |= uint64(b&0x7f) << (7 * i); b < 0x80 {
			d.left = d.left[i+1:]
			return number
		}
	}
	d.Fail()
	return 0
}

// Seconds takes what AppendSeconds wrote.
func (d *StringDecoder) Seconds() time.Time {
	zigzag := d.Uint()
	return time.Unix(int64(zigzag>>1)^-int64(zigzag&1), 0).UTC()
}

// String takes what AppendString wrote.
func (d *StringDecoder) String() (text string) {
	length := d.Uint()
	if length > uint64(len(d.left)) {
		d.Fail()
		return ""
	}
	text, d.left = d.left[:length], d.left[length:]
	return text
}

// List takes what AppendList wrote, nil when it is empty.
func (d *StringDecoder) List() []string { return TakeList(d, (*StringDecoder).String) }

// TakeList takes a list of elements behind their count, each of at least a byte; nil
// when it is empty.
func TakeList[T any](d *StringDecoder, take func(*StringDecoder) T) []T {
	count := d.Uint()
	if count > uint64(len(d.left)) {
		d.Fail()
	}
	if count == 0 || d.failed {
		return nil
	}
	list := make([]T, count)
	for i := range list {
		list[i] = take(d)
	}
	return list
}
