package sender

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/internal/jsondoc"
)

func TestMembers(t *testing.T) {
	names := []string{"a", "b"}
	for text, want := range map[string]bool{
		`{"a":1,"b":2,"c":3,"C":4}`: true, `{}`: true, `{"a":1,"b":2,"c":3,"c":4}`: false,
		`{"a":1,"A":2}`: false, `{"a":null,"a":null}`: false, `{"a":1,"\u0061":2}`: false, `{"A":1}`: false, `[]`: false,
		"{\"a\":\"\xff\"}": false, `{"a":1`: false,
	} {
		var found [2]jsondoc.Value
		if ok := signedMembers(jsondoc.New([]byte(text)), names, found[:]); ok != want {
			t.Errorf("%s: %v %v", text, ok, found)
		}
	}
}

// What is read is what any reader of JSON reads.
func FuzzMembers(f *testing.F) {
	for _, seed := range []string{`{"a":"b","c":{"d":"\u00e9\ud83d\ude80\n"}}`, `{"a":"\\","b":null}`, `{"a":"\ud800"}`, "\xef\xbb\xbf{}", `{"a":1,"A":2}`} {
		f.Add([]byte(seed))
	}
	names := []string{"a", "b"}
	f.Fuzz(func(t *testing.T, body []byte) {
		var found [2]jsondoc.Value
		if !signedMembers(jsondoc.New(body), names, found[:]) {
			return
		}
		var plain map[string]any
		if err := json.Unmarshal([]byte(strings.TrimPrefix(string(body), "\xef\xbb\xbf")), &plain); err != nil {
			t.Fatalf("%q: %v", body, err)
		}
		for i, name := range names {
			want, exists := plain[name]
			text, isString := want.(string)
			if found[i].Exists() != exists || isString && found[i].Text() != text || found[i].IsString() != isString {
				t.Errorf("%q: %q is %q, elsewhere %q", body, name, found[i].Raw(), want)
			}
		}
	})
}
