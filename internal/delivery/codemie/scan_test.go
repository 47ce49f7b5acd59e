package codemie

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

func TestScan(t *testing.T) {
	found, err := scan(strings.NewReader(`{
		"id":"x","n":-1.5e3,"yes":true,"none":null,"error":{"message":"a\u00e9\ud83d\ude00\n\"b\""},
		"history":[{"id":"first"},{"id":"second","deep":[[1,2],{}]}],"skipped":{"id":"no"},"a.b":"no"}`),
		1<<20, "id", "n", "yes", "none", "error.message", "history.id", "a.b")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"id": "x", "n": "-1.5e3", "yes": "true", "none": "", "error.message": "aé😀\n\"b\"", "history.id": "second",
	}
	if len(found) != len(want) {
		t.Errorf("found %+v", found)
	}
	for path, text := range want {
		if found[path].text != text || found[path].cut {
			t.Errorf("%s: %+v", path, found[path])
		}
	}
}

func TestScanBounds(t *testing.T) {
	long := `{"early":"yes","text":"` + strings.Repeat(`\u00e9`, maxField) + `","late":"yes"}`
	found, err := scan(strings.NewReader(long), int64(len(long)), "early", "text", "late")
	if err != nil || !found["text"].cut || len(found["text"].text) > maxField || found["late"].text != "yes" {
		t.Errorf("%v, %d bytes", err, len(found["text"].text))
	}
	found, err = scan(strings.NewReader(long), 10_000, "early", "late")
	if !errors.Is(err, errTooLarge) || found["early"].text != "yes" || found["late"].text != "" {
		t.Errorf("%v, %+v", err, found)
	}
	for _, text := range []string{
		"", "{", "[", `{"a"`, `{"a":`, `{"a":1`, `{"a":1,}`, `{"a" 1}`, `{a:1}`, `[1 2]`, `"\x"`, `"\u12g4"`, `"`, "tru", "01",
		"\"\n\"", "}", strings.Repeat("[", maxDepth+2), `{"a":` + strings.Repeat("1", 100) + "}",
	} {
		if _, err := scan(strings.NewReader(text), 1<<20, "a"); !errors.Is(err, errSyntax) {
			t.Errorf("%.20q: %v", text, err)
		}
	}
}

// FuzzScan compares with encoding/json: what that takes is read, and its
// top-level strings are the same.
func FuzzScan(f *testing.F) {
	for _, seed := range []string{
		`{"id":"x"}`, `{"id":"\ud800","x":[{"id":1}]}`, `[{"id":"y"}]`, `{"id":"a","id":"b"}`, `"id"`, `{"":{"id":"z"}}`,
		"{\"id\":\"\xff\"}", `{"id":{"id":"x"}} tail`, `nul`, `{"id":tru`, "\x00",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		found, err := scan(strings.NewReader(text), 1<<20, "id")
		if !json.Valid([]byte(text)) {
			return
		}
		if err != nil {
			if strings.Count(text, "[")+strings.Count(text, "{") > maxDepth || len(text) > 64 {
				return
			}
			t.Fatalf("%q: %v", text, err)
		}
		var members map[string]json.RawMessage
		if json.Unmarshal([]byte(text), &members) != nil {
			return
		}
		var want string
		if raw, present := members["id"]; present && json.Unmarshal(raw, &want) == nil && len(want) < 1000 {
			if found["id"].text != want {
				t.Fatalf("%q: got %q, want %q", text, found["id"].text, want)
			}
		}
	})
}
