package jsondoc

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/tidwall/gjson"
)

func TestValue(t *testing.T) {
	d := New([]byte("\xef\xbb\xbf" + ` { "a" : {"b":[10, {"c":"x\"y"},-1.5e3 ] } , "\u0064":true,"A":1,"e":"","f":null,"0":"\\" , "g":[[],{}, "]}" ] } ` + "\n"))
	for path, want := range map[string]string{
		"a": `{"b":[10, {"c":"x\"y"},-1.5e3 ] }`, "a.b.0": "10", "a.b.1.c": `"x\"y"`, "a.b.2": "-1.5e3", "d": "true", "e": `""`, "f": "null", "0": `"\\"`,
		"a.b.3": "", "a.b.x": "", "a.b.-1": "", "a.b.99999999999999999999": "", "a.c": "", "e.a": "", "b": "", "d.0": "", "": "",
		"g.2": `"]}"`, "g.0": "[]", "g.1": "{}", "g.0.0": "",
	} {
		if got := d.Value().Get(path); string(got.Raw()) != want || got.Exists() != (want != "") {
			t.Errorf("%s: %s, want %s", path, got.Raw(), want)
		}
	}
	v := d.Value()
	if got := v.Get("a.b.1.c"); got.Text() != `x"y` || !got.Is(`x"y`) || got.Is(`x\"y`) {
		t.Errorf("got %q", got.Text())
	}
	if !v.IsObject() || !v.Get("g").IsArray() || !v.Get("f").IsNull() || !v.Get("a.b.2").IsNumber() || v.Get("a.b.2").IsString() || v.Get("d").Text() != "" {
		t.Error("a value is not what it is")
	}
	for text, want := range map[string]error{`{"a":1`: ErrInvalid, `{"a":1,"a":1}`: ErrDuplicate} {
		d.Reset([]byte(text))
		if d.Value().Exists() || d.Value().Get("a").Exists() || !errors.Is(d.Err(), want) {
			t.Errorf("there is a value in %s: %v", text, d.Err())
		}
	}
	d.Reset([]byte(" \"a\" "))
	if d.Value().Text() != "a" || d.Err() != nil {
		t.Errorf("got %q", d.Value().Raw())
	}
}

// What is found is what others find, name by name and entry by entry.
func FuzzValue(f *testing.F) {
	for _, seed := range []string{
		`{"a":"b","c":{"d":"\u00e9\ud83d\ude80\n"}}`, `[1,"\\",[null,{"a":"]"}],-0.5e-3,true ]`, ` "\"" `, `{"\u0061":{},"":[ ]}`, "\xef\xbb\xbf 1 ",
		`{"a":"\\\\\"","b":"\ud800"}`, `[[[{"x":[]}]]]`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		text, err := Check(payload)
		v := New(payload).Value()
		if v.Exists() != (err == nil) {
			t.Fatalf("%q: exists %v, %v", payload, v.Exists(), err)
		}
		if err == nil {
			compare(t, v, gjson.ParseBytes(text))
		}
	})
}

func compare(t *testing.T, got Value, want gjson.Result) {
	text := ""
	if want.Type == gjson.String {
		text = decode(t, want.Raw)
	}
	if string(got.Raw()) != strings.TrimRight(want.Raw, blanks) || got.Text() != text || got.IsString() != (want.Type == gjson.String) ||
		got.IsNumber() != (want.Type == gjson.Number) || got.IsNull() != (want.Type == gjson.Null) || got.IsObject() != want.IsObject() || got.IsArray() != want.IsArray() {
		t.Fatalf("got %q, want %q", got.Raw(), want.Raw)
	}
	type member struct {
		name  string
		value gjson.Result
	}
	var members []member
	want.ForEach(func(name, value gjson.Result) bool {
		if want.IsObject() {
			members = append(members, member{decode(t, name.Raw), value})
		} else {
			members = append(members, member{"", value})
		}
		return want.IsObject() || want.IsArray()
	})
	n := 0
	for name, value := range got.Members() {
		if !name.Is(members[n].name) || name.Text() != members[n].name {
			t.Fatalf("%q: got %q", members[n].name, name.Raw())
		}
		compare(t, value, members[n].value)
		n++
	}
	for value := range got.Entries() {
		compare(t, value, members[n].value)
		n++
	}
	if (want.IsObject() || want.IsArray()) && n != len(members) {
		t.Fatalf("%q: %d, want %d", got.Raw(), n, len(members))
	}
}

func decode(t *testing.T, raw string) string {
	var text string
	if err := json.Unmarshal([]byte(raw), &text); err != nil {
		t.Fatalf("%q: %v", raw, err)
	}
	return text
}

func BenchmarkGet(b *testing.B) {
	payload := []byte(`{"filler":"` + strings.Repeat("x", 900) + `","items":[{"a":{"b":[1,2,3]},"type":"opened"}]}`)
	b.SetBytes(int64(len(payload)))
	b.ReportAllocs()
	d := New(payload)
	for b.Loop() {
		if !d.Value().Get("items.0.type").Is("opened") {
			b.Fatal("not found")
		}
	}
}
