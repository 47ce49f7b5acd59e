package document

import (
	"bytes"
	"encoding/json"
	"errors"
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
	}
	for _, test := range tests {
		if _, err := Check([]byte(test.text)); !errors.Is(err, test.want) {
			t.Errorf("%.40q: got %v, want %v", test.text, err, test.want)
		}
	}
}

// What a string must not hold is found wherever it stands, and nothing else is.
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
		`{"a" 1}`, `{1:1}`, `[tru]`, `nul`, `"\u12G4"`, `"\x"`, "\"a\nb\"", "\"a long string \xff\xfe with \x7f\"", ` "\\" `, `[}`, `{]`, `"12345678\`, `"1234567\"`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		value, err := Check(payload)
		if err == nil && !json.Valid(value) {
			t.Errorf("%q passes and is not JSON", payload)
		}
		if errors.Is(err, ErrInvalid) && json.Valid(bytes.TrimPrefix(payload, byteOrderMark)) {
			t.Errorf("%q is JSON and does not pass", payload)
		}
	})
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
