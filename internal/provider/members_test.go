package provider

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

func TestSignedObjectIsBounded(t *testing.T) {
	object := func(n int) string {
		var members []string
		for i := range n {
			members = append(members, fmt.Sprintf(`"%d":1`, i))
		}
		return "{" + strings.Join(members, ",") + "}"
	}
	for text, want := range map[string]bool{
		object(maxMembers): true, object(maxMembers + 1): false,
		`{"a":1,"A":2}`: false, `{"a":1,"\u0061":2}`: false, "{\"a\":\"\xff\"}": false, `[]`: false,
	} {
		if o, ok := readSignedObject([]byte(text)); ok != want {
			t.Errorf("%.40s: %v with %d members", text, ok, len(o))
		}
	}
}

// What is read is what any reader of JSON reads.
func FuzzSignedObject(f *testing.F) {
	for _, seed := range []string{`{"a":"b","c":{"d":"\u00e9\ud83d\ude80\n"}}`, `{"a\"b":"\\","":null}`, `{"a":"\ud800"}`, "\xef\xbb\xbf{}", `{"a":1,"A":2}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		o, ok := readSignedObject(body)
		if !ok {
			return
		}
		var plain map[string]any
		if err := json.Unmarshal([]byte(strings.TrimPrefix(string(body), "\xef\xbb\xbf")), &plain); err != nil || len(plain) != len(o) {
			t.Fatalf("%q: %d members, elsewhere %d: %v", body, len(o), len(plain), err)
		}
		for name, want := range plain {
			want, isText := want.(string)
			if got, ok := o.text(name); isText && (got != want || !ok) {
				t.Errorf("%q: %q is %q, elsewhere %q", body, name, got, want)
			}
		}
	})
}
