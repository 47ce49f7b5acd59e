package form

import (
	"encoding/json"
	"reflect"
	"testing"
)

// The cases of RFC 7396, appendix A.
func TestMergePatch(t *testing.T) {
	for _, c := range []struct{ target, patch, want string }{
		{`{"a":"b"}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"b"}`, `{"b":"c"}`, `{"a":"b","b":"c"}`},
		{`{"a":"b"}`, `{"a":null}`, `{}`},
		{`{"a":"b","b":"c"}`, `{"a":null}`, `{"b":"c"}`},
		{`{"a":["b"]}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"c"}`, `{"a":["b"]}`, `{"a":["b"]}`},
		{`{"a":{"b":"c"}}`, `{"a":{"b":"d","c":null}}`, `{"a":{"b":"d"}}`},
		{`{"a":[{"b":"c"}]}`, `{"a":[1]}`, `{"a":[1]}`},
		{`["a","b"]`, `["c","d"]`, `["c","d"]`},
		{`{"a":"b"}`, `["c"]`, `["c"]`},
		{`{"a":"foo"}`, `null`, `null`},
		{`{"a":"foo"}`, `"bar"`, `"bar"`},
		{`{"e":null}`, `{"a":1}`, `{"e":null,"a":1}`},
		{`[1,2]`, `{"a":"b","c":null}`, `{"a":"b"}`},
		{`{}`, `{"a":{"bb":{"ccc":null}}}`, `{"a":{"bb":{}}}`},
	} {
		got := MergePatch(mustDecode(t, c.target), mustDecode(t, c.patch))
		if want := mustDecode(t, c.want); !reflect.DeepEqual(got, want) {
			t.Errorf("%s + %s = %v, want %s", c.target, c.patch, got, c.want)
		}
	}
}

func mustDecode(t *testing.T, text string) any {
	t.Helper()
	document, err := Decode([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return document
}

func FuzzMergePatch(f *testing.F) {
	f.Add([]byte(`{"a":{"b":1,"c":[1]}}`), []byte(`{"a":{"b":null,"d":{"e":null}}}`))
	f.Add([]byte(`1`), []byte(`{"a":{"b":null}}`))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		target, err := Decode(a)
		if err != nil {
			return
		}
		patch, err := Decode(b)
		if err != nil {
			return
		}
		before, _ := json.Marshal([]any{target, patch})
		merged := MergePatch(target, patch)
		if again := MergePatch(merged, patch); !reflect.DeepEqual(merged, again) {
			t.Errorf("patched twice: %v, %v", merged, again)
		}
		if object, ok := patch.(map[string]any); ok {
			for name, value := range object {
				if _, there := merged.(map[string]any)[name]; there != (value != nil) {
					t.Errorf("%s: %v", name, merged)
				}
			}
		}
		if after, _ := json.Marshal([]any{target, patch}); string(before) != string(after) {
			t.Errorf("changed its arguments: %s, %s", before, after)
		}
	})
}
