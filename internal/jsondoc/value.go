package jsondoc

import (
	"bytes"
	"iter"
	"strconv"
	"strings"
)

// Document is a payload into which one may look: it is checked before the
// first look, and once. One goroutine uses it.
type Document struct {
	text    []byte
	checked bool
	value   Value
	err     error
}

// New returns the document of a payload, which must not change meanwhile.
func New(payload []byte) *Document { return &Document{text: payload} }

// Payload returns the payload as it is, whatever it is.
func (d *Document) Payload() []byte { return d.text }

// Reset makes it the document of another payload.
func (d *Document) Reset(payload []byte) { *d = Document{text: payload} }

// Value returns the JSON value that the payload is; it does not exist when the
// payload cannot be read.
func (d *Document) Value() Value {
	d.check()
	return d.value
}

// Err says why the payload cannot be read.
func (d *Document) Err() error {
	d.check()
	return d.err
}

func (d *Document) check() {
	if d.checked {
		return
	}
	d.checked = true
	var text []byte
	if text, d.err = Check(d.text); d.err == nil {
		d.value = Value{bytes.Trim(text, blanks)}
	}
}

// blanks may stand between the parts of JSON (RFC 8259).
const blanks = " \t\r\n"

// Value is a JSON value, or nothing. It lies in the payload, and what is looked up
// in it needs no memory: strings and what is nested are leapt over.
type Value struct {
	json []byte // valid, without blanks around it
}

// Made returns the value of JSON that is made of values: it is valid, and has no
// blanks around it.
func Made(json []byte) Value { return Value{json} }

// Exists says whether there is a value.
func (v Value) Exists() bool { return len(v.json) > 0 }

// Raw returns the value as it is written.
func (v Value) Raw() []byte { return v.json }

// IsObject says whether the value is an object.
func (v Value) IsObject() bool { return v.first() == '{' }

// IsArray says whether the value is an array.
func (v Value) IsArray() bool { return v.first() == '[' }

// IsString says whether the value is a string.
func (v Value) IsString() bool { return v.first() == '"' }

// IsNumber says whether the value is a number.
func (v Value) IsNumber() bool { c := v.first(); return c == '-' || '0' <= c && c <= '9' }

// IsTrue says whether the value is true.
func (v Value) IsTrue() bool { return v.first() == 't' }

// IsFalse says whether the value is false.
func (v Value) IsFalse() bool { return v.first() == 'f' }

// IsNull says whether there is a value, and it is null.
func (v Value) IsNull() bool { return v.first() == 'n' }

func (v Value) first() byte {
	if len(v.json) == 0 {
		return 0
	}
	return v.json[0]
}

// Text returns what a string says, "" of any other value.
func (v Value) Text() string { return string(v.text()) }

// AppendText appends what a string says, and nothing of any other value.
func (v Value) AppendText(to []byte) []byte { return append(to, v.text()...) }

// text returns what a string says, in the payload itself where nothing is escaped.
func (v Value) text() []byte {
	if !v.IsString() {
		return nil
	}
	return said(v.json)
}

// Is says whether the value is the string.
func (v Value) Is(text string) bool {
	return v.IsString() && string(v.text()) == text
}

// Members yields the members of an object, name and value, and of any other value
// none.
func (v Value) Members() iter.Seq2[Value, Value] {
	return func(yield func(name, member Value) bool) {
		if !v.IsObject() {
			return
		}
		for at := v.begin(1); at >= 0; {
			end := v.end(at)
			name := Value{v.json[at:end:end]}
			at = v.begin(end)
			end = v.end(at)
			if !yield(name, Value{v.json[at:end:end]}) {
				return
			}
			at = v.begin(end)
		}
	}
}

// Entries yields the entries of an array, and of any other value none.
func (v Value) Entries() iter.Seq[Value] {
	return func(yield func(Value) bool) {
		if !v.IsArray() {
			return
		}
		for at := v.begin(1); at >= 0; {
			end := v.end(at)
			if !yield(Value{v.json[at:end:end]}) {
				return
			}
			at = v.begin(end)
		}
	}
}

// Get returns what stands at the path: names of members, and indexes of arrays, with dots
// between them.
func (v Value) Get(path string) Value {
	at := v.start()
	for more := true; more && at >= 0; {
		var step string
		step, path, more = strings.Cut(path, ".")
		at = v.step(at, step)
	}
	return v.from(at)
}

// Walk is Get for steps one by one, each of which may hold dots.
func (v Value) Walk(steps []string) Value {
	at := v.start()
	for i := 0; i < len(steps) && at >= 0; i++ {
		at = v.step(at, steps[i])
	}
	return v.from(at)
}

// start returns where the value begins, or -1.
func (v Value) start() int {
	if !v.Exists() {
		return -1
	}
	return 0
}

// from returns the value that begins there.
func (v Value) from(at int) Value {
	if at < 0 {
		return Value{}
	}
	end := v.end(at)
	return Value{v.json[at:end:end]}
}

// step returns where the member or entry begins of what begins there, or -1. Only
// what stands before it is passed.
func (v Value) step(at int, step string) int {
	switch v.json[at] {
	case '{':
		for at = v.begin(at + 1); at >= 0; at = v.begin(v.end(at)) {
			end := v.end(at)
			found := Value{v.json[at:end]}.Is(step)
			if at = v.begin(end); found {
				return at
			}
		}
	case '[':
		index, err := strconv.ParseUint(step, 10, 31)
		if err != nil || step[0] == '0' && len(step) > 1 {
			return -1
		}
		for at = v.begin(at + 1); at >= 0 && index > 0; at = v.begin(v.end(at)) {
			index--
		}
		return at
	}
	return -1
}

// begin returns where the next name or value begins inside an object or array, -1
// when there is no other.
func (v Value) begin(at int) int {
	for {
		switch v.json[at] {
		case ' ', '\t', '\r', '\n', ',', ':':
			at++
		case '}', ']':
			return -1
		default:
			return at
		}
	}
}

// end returns where the value ends that begins there, inside an object or array.
func (v Value) end(begin int) int {
	switch v.json[begin] {
	case '"':
		return skipString(v.json, begin)
	case '{', '[':
		return v.afterNested(begin)
	}
	return skipWord(v.json, begin)
}

// afterNested returns where the object or array ends that begins there.
func (v Value) afterNested(begin int) int {
	depth := 0
	for at := begin; ; at++ {
		switch v.json[at] {
		case '"':
			at = skipString(v.json, at) - 1
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return at + 1
			}
		}
	}
}
