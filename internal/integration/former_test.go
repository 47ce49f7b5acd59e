package integration

import (
	"bytes"
	"encoding/json"
	"os"
	"reflect"
	"slices"
	"testing"

	"github.com/hookgate/hookgate/internal/credential"
	"github.com/hookgate/hookgate/module/storage"
)

// former is an integration as the first version stored it.
type former struct {
	Name    string
	Value   []byte          // in base64
	Shown   json.RawMessage // what an admin reads of it
	Secrets []string
}

// What the first version has stored is read, shown and written on as it was.
func TestFormerStored(t *testing.T) {
	text, err := os.ReadFile("testdata/stored-by-first-version.json")
	if err != nil {
		t.Fatal(err)
	}
	var list []former
	if err := json.Unmarshal(text, &list); err != nil {
		t.Fatal(err)
	}
	if len(list) < 12 {
		t.Fatalf("%d are there", len(list))
	}
	for _, f := range list {
		t.Run(f.Name, func(t *testing.T) {
			in, err := Decode(storage.Integration{WebhookID: "hook", Project: "demo", Value: f.Value})
			if err != nil {
				t.Fatal(err)
			}
			shown, err := json.Marshal(in.Mask("/webhooks/"))
			if err != nil {
				t.Fatal(err)
			}
			var want bytes.Buffer
			if err := json.Compact(&want, f.Shown); err != nil || !bytes.Equal(shown, want.Bytes()) {
				t.Errorf("it is shown as\n%s, want\n%s (%v)", shown, want.Bytes(), err)
			}
			if got := each(in.Authentication.Credentials.Secrets(), credential.Secret.Reveal); !slices.Equal(got, f.Secrets) && len(got)+len(f.Secrets) > 0 {
				t.Errorf("its secrets are %q, want %q", got, f.Secrets)
			}
			value, err := in.Encode()
			if err != nil || !bytes.Equal(value, f.Value) {
				t.Errorf("it is written as\n%x, want\n%x (%v)", value, f.Value, err)
			}
			if in.Authentication.AllowUnauthenticated {
				return // the operator of the test allows none
			}
			again, err := parse(t, string(shown), in)
			if err != nil || !reflect.DeepEqual(again.Authentication, in.Authentication) {
				t.Errorf("sent back it is %+v (%v)", again, err)
			}
		})
	}
}
