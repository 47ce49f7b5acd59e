package jsondoc

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	nested := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	tests := []struct {
		text string
		want error
	}{
		{`{}`, nil},
		{` {"a":[1,"]]]"]} `, nil},
		{"\xef\xbb\xbf{}", nil},
		{`"a"`, nil},
		{``, ErrInvalid},
		{`{`, ErrInvalid},
		{`{"a":1}{}`, ErrInvalid},
		{strings.Repeat("[{", MaxDepth) + "]", ErrInvalid},
		{"[" + strings.Repeat("[],{},", MaxDepth) + "[]]", nil},
		{`{"a":"` + strings.Repeat("[{", MaxDepth) + `"}`, nil},
		{`payload={}`, ErrInvalid},
		{nested(MaxDepth), nil},
		{nested(MaxDepth + 1), ErrDepth},
		{strings.Repeat(`{"a":`, MaxDepth+1), ErrDepth},
		{strings.Repeat("[", 10_000_000), ErrDepth},
		{`"` + nested(MaxDepth+1) + `"`, nil},
		{`"\"` + nested(MaxDepth+1) + `"`, nil},
		{`{"a":1,"a":1}`, ErrDuplicate},
		{`{"a":1,"\u0061":1}`, ErrDuplicate},
		{`{"\ud800":1,"\udfff":1}`, ErrDuplicate},
		{"{\"\xff\":1,\"\ufffd\":1}", ErrDuplicate},
		{`{"é":1,"\u00e9":1}`, ErrDuplicate},
		{`[{"a":{},"b":{"c":[{},{"d":1,"e":{"d":1},"d":1}]}}]`, ErrDuplicate},
		{`{"a":{"a":{"a":[{"a":1},{"a":1}],"b":1}},"A":1,"b":{"a":1}}`, nil},
		{`{"":1,"":1}`, ErrDuplicate},
		{members(100_000, "}"), nil},
		{members(100_000, `,"n99999":1}`), ErrDuplicate},
		{members(100, `,"n0":1}`), ErrDuplicate},
		{members(maxNames+1, "}"), ErrNames},
	}
	for _, test := range tests {
		if _, err := Check([]byte(test.text)); !errors.Is(err, test.want) {
			t.Errorf("%.40q: got %v, want %v", test.text, err, test.want)
		}
	}
}

// members returns an object of so many members.
func members(n int, end string) string {
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, `%c"n%d":%d`, "{,"[min(i, 1)], i, i)
	}
	return text.String() + end
}

// Forbidden characters in a string are found at every position, and nothing
// else is.
func TestStrings(t *testing.T) {
	for length := range 20 {
		for at := range length {
			for c := range 256 {
				text := []byte(`"` + strings.Repeat("a", length) + `"`)
				text[1+at] = byte(c)
				if _, err := Check(text); (err == nil) != json.Valid(text) {
					t.Errorf("%q: %v", text, err)
				}
			}
		}
	}
}

func FuzzCheck(f *testing.F) {
	for _, seed := range []string{
		`{"a":[1,2.5e3,null,true,"\u00e9"]}`, `[[[`, `]]]]{`, `"\"["`, "\xef\xbb\xbf1", `[-0,0.5,1E+9,-1e-9,01,1.,.5,-]`, `{"a":{},"b":[ ] , "c" : "" }`, `{"a":1,}`, `[1,]`,
		`{"a":1,"\u0061":{"b":2,"b":3}}`, `[{"":1,"a":{"":1}},{"\ud800":1,"\udc00":2}]`, "{\"\xff\":1,\"\xfe\":2}", members(70, `,"n3":1}`),
		`{"a" 1}`, `{1:1}`, `[tru]`, `nul`, `"\u12G4"`, `"\x"`, "\"a\nb\"", "\"a long string \xff\xfe with \x7f\"", ` "\\" `, `[}`, `{]`, `"12345678\`, `"1234567\"`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		value, err := Check(payload)
		if err == nil && !json.Valid(value) {
			t.Errorf("%q passes and is not JSON", payload)
		}
		text := bytes.TrimPrefix(payload, byteOrderMark)
		if errors.Is(err, ErrInvalid) && json.Valid(text) {
			t.Errorf("%q is JSON and does not pass", payload)
		}
		if json.Valid(text) && hasTwice(text) != errors.Is(err, ErrDuplicate) {
			t.Errorf("%q: %v", payload, err)
		}
	})
}

// hasTwice reports whether an object of valid JSON has two members of the same name.
func hasTwice(text []byte) bool {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	twice := false
	var value func()
	value = func() {
		token, _ := decoder.Token()
		names := make(map[any]bool)
		for token == json.Delim('{') && decoder.More() {
			name, _ := decoder.Token()
			twice = twice || names[name]
			names[name] = true
			value()
		}
		for token == json.Delim('[') && decoder.More() {
			value()
		}
		if _, nested := token.(json.Delim); nested {
			_, _ = decoder.Token()
		}
	}
	value()
	return twice
}

func BenchmarkCheck(b *testing.B) {
	payload := []byte(`{"items":[` + strings.Repeat(`{"name":"value","number":12345,"flag":true},`, 500_000) + `{}]}`)
	b.SetBytes(int64(len(payload)))
	for b.Loop() {
		if _, err := Check(payload); err != nil {
			b.Fatal(err)
		}
	}
}
