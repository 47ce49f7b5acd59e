package jsondoc

import (
	"bytes"
	"iter"
	"strconv"
	"strings"
)

// Document is a payload that can be read: it is checked once, before the first
// access. It is not safe for concurrent use.
type Document struct {
	text    []byte
	checked bool
	value   Value
	err     error
}

// New returns the document of a payload, which must not change while it is
// used.
func New(payload []byte) *Document { return &Document{text: payload} }

// Payload returns the unchanged payload, valid or not.
func (d *Document) Payload() []byte { return d.text }

// Reset makes it the document of another payload.
func (d *Document) Reset(payload []byte) { *d = Document{text: payload} }

// Value returns the payload's JSON value; it does not exist if the payload is
// unreadable.
func (d *Document) Value() Value {
	d.check()
	return d.value
}

// Err returns why the payload is unreadable.
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

// blanks may separate the tokens of JSON (RFC 8259).
const blanks = " \t\r\n"

// Value is a JSON value, or nothing. It is part of the payload, and lookups in
// it allocate nothing: strings and nested values are skipped.
type Value struct {
	json []byte // valid, without surrounding blanks
}

// Made returns the value of JSON assembled from values: it is valid, without
// surrounding blanks.
func Made(json []byte) Value { return Value{json} }

// Exists reports whether there is a value.
func (v Value) Exists() bool { return len(v.json) > 0 }

// Raw returns the value as it is written.
func (v Value) Raw() []byte { return v.json }

// IsObject reports whether the value is an object.
func (v Value) IsObject() bool { return v.first() == '{' }

// IsArray reports whether the value is an array.
func (v Value) IsArray() bool { return v.first() == '[' }

// IsString reports whether the value is a string.
func (v Value) IsString() bool { return v.first() == '"' }

// IsNumber reports whether the value is a number.
func (v Value) IsNumber() bool { c := v.first(); return c == '-' || '0' <= c && c <= '9' }

// IsTrue reports whether the value is true.
func (v Value) IsTrue() bool { return v.first() == 't' }

// IsFalse reports whether the value is false.
func (v Value) IsFalse() bool { return v.first() == 'f' }

// IsNull reports whether the value exists and is null.
func (v Value) IsNull() bool { return v.first() == 'n' }

func (v Value) first() byte {
	if len(v.json) == 0 {
		return 0
	}
	return v.json[0]
}

// Text returns the decoded text of a string, and "" for any other value.
func (v Value) Text() string { return string(v.text()) }

// AppendText appends the decoded text of a string, and nothing for any other
// value.
func (v Value) AppendText(to []byte) []byte { return append(to, v.text()...) }

// text returns the decoded text of a string, as part of the payload if nothing
// is escaped.
func (v Value) text() []byte {
	if !v.IsString() {
		return nil
	}
	return said(v.json)
}

// Is reports whether the value is this string.
func (v Value) Is(text string) bool {
	return v.IsString() && string(v.text()) == text
}

// Members yields the members of an object, name and value, and none for any
// other value.
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

// Entries yields the entries of an array, and none for any other value.
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

// Get returns the value at the path: member names and array indexes, separated
// by dots.
func (v Value) Get(path string) Value {
	at := v.start()
	for more := true; more && at >= 0; {
		var step string
		step, path, more = strings.Cut(path, ".")
		at = v.step(at, step)
	}
	return v.from(at)
}

// Walk is Get with separate steps, which may contain dots.
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

// from returns the value that begins at a position.
func (v Value) from(at int) Value {
	if at < 0 {
		return Value{}
	}
	end := v.end(at)
	return Value{v.json[at:end:end]}
}

// step returns where the member or entry of the value at a position begins, or
// -1. It reads only up to there.
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

// begin returns where the next name or value inside an object or array begins,
// or -1 if there are no more.
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

// end returns where the value that begins at a position inside an object or
// array ends.
func (v Value) end(begin int) int {
	switch v.json[begin] {
	case '"':
		return skipString(v.json, begin)
	case '{', '[':
		return v.afterNested(begin)
	}
	return skipWord(v.json, begin)
}

// afterNested returns where the object or array that begins at a position ends.
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
