package integration

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/internal/credential"
	"github.com/hookgate/hookgate/internal/form"
)

func mustDecode(t *testing.T, text string) any {
	t.Helper()
	document, err := form.Decode([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return document
}

func TestMaskedForm(t *testing.T) {
	in := mustParse(t, `{"alias":"<PR> & review","event_filter":"pull_request,push","resource":{"type":"assistant","id":"8f0c"},
		"authentication":{"secure_header":{"name":"X-Secure-Header","value":"v"},"signature":{"provider":"github","secrets":["s"]}}}`)
	in.ManagedBy = ManagedByAPI
	text, err := json.Marshal(in.Mask("/webhooks/"))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"webhook_id":"hook","project":"demo","alias":"\u003cPR\u003e \u0026 review","is_enabled":true,` +
		`"authentication":{"secure_header":{"name":"X-Secure-Header","value":"` + credential.Of[*credential.SecureHeader](in.Authentication.Credentials).Value.Masked() + `"},` +
		`"signature":{"provider":"github","secrets":["` + in.Authentication.Credentials.Signature().Secrets[0].Masked() + `"]},"basic":null,"bearer":null,` +
		`"require_sha256_signature":true,"match":"any","allow_unauthenticated":false},` +
		`"event_filter":["pull_request","push"],"dedupe":"delivery","resource":{"type":"assistant","id":"8f0c"},` +
		`"webhook_url":"/webhooks/hook","managed_by":"api","created_at":"0001-01-01T00:00:00Z","updated_at":"0001-01-01T00:00:00Z"}`
	if string(text) != want {
		t.Errorf("got  %s\nwant %s", text, want)
	}
}

func TestMasks(t *testing.T) {
	stored := mustParse(t, `{"authentication":{"secure_header":{"name":"X-A","value":"one"},
		"signature":{"provider":"github","secrets":["two","three"]},"basic":{"username":"u","password":"four"}}}`)
	auth := stored.Authentication
	header, password := credential.Of[*credential.SecureHeader](auth.Credentials).Value.Masked(), credential.Of[*credential.Basic](auth.Credentials).Password.Masked()
	two, three := auth.Credentials.Signature().Secrets[0].Masked(), auth.Credentials.Signature().Secrets[1].Masked()
	if len(header) != 16 || !strings.HasPrefix(header, "********") || header == two {
		t.Errorf("masks %s, %s", header, two)
	}
	for _, c := range []struct{ auth, field string }{ // "" is kept
		{`{"secure_header":{"name":"X-A","value":"` + header + `"}}`, ""},
		{`{"secure_header":{"name":"x-a","value":"` + header + `"}}`, ""},
		{`{"secure_header":{"name":"X-B","value":"` + header + `"}}`, "secure_header.value"},
		{`{"secure_header":{"name":"X-A","value":"` + two + `"}}`, "secure_header.value"},
		{`{"secure_header":{"name":"X-A","value":"********"}}`, "secure_header.value"},
		{`{"secure_header":{"name":"X-A","value":"` + header + `0"}}`, "secure_header.value"},
		{`{"signature":{"provider":"github","secrets":["` + three + `","new","` + two + `"]}}`, ""},
		{`{"signature":{"provider":"jira","secrets":["` + two + `"]}}`, "signature.secrets[0]"},
		{`{"signature":{"provider":"github","secrets":["new","` + password + `"]}}`, "signature.secrets[1]"},
		{`{"basic":{"username":"u","password":"` + password + `"}}`, ""},
		{`{"basic":{"username":"v","password":"` + password + `"}}`, "basic.password"},
		{`{"bearer":{"tokens":["` + two + `"]}}`, "bearer.tokens[0]"},
	} {
		in, err := parse(t, `{"authentication":`+c.auth+`}`, stored)
		if c.field != "" {
			if err == nil || !strings.HasPrefix(err.Error(), "authentication."+c.field+": this mask does not stand for a secret") {
				t.Errorf("%s: %v", c.auth, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.auth, err)
			continue
		}
		if s := in.Authentication.Credentials.Signature(); s != nil {
			var got []string
			for _, secret := range s.Secrets {
				got = append(got, secret.Reveal())
			}
			if !reflect.DeepEqual(got, []string{"three", "new", "two"}) || s.Secrets[0].Masked() != three {
				t.Errorf("%s: %q", c.auth, got)
			}
		}
	}
	if a, b := credential.NewSecret("same").Masked(), credential.NewSecret("same").Masked(); a == b {
		t.Error("the masks of two secrets compare")
	}
}

func TestSecretsAreNotPrinted(t *testing.T) {
	in := mustParse(t, `{`+strings.Replace(github, "s3cret", "CANARY", 1)+`}`)
	encoded, _ := json.Marshal(in)
	for _, text := range []string{
		string(encoded),
		sprint("%v", in.Authentication.Credentials.Signature().Secrets[0]),
		sprint("%v", in.Authentication.Credentials.Signature()), sprint("%+v", in.Authentication.Credentials.Signature()),
		sprint("%#v", in.Authentication.Credentials.Signature()), sprint("%d", in.Authentication.Credentials.Signature()), sprint("%x", in.Authentication.Credentials.Signature()), sprint("%s", in.Authentication.Credentials.Signature().Secrets),
	} {
		if strings.Contains(text, "CANARY") {
			t.Error(text)
		}
	}
}

func TestEncodeDecode(t *testing.T) {
	in := mustParse(t, `{"alias":"a","is_enabled":false,"event_filter":["push"],"dedupe":"body","resource":{"type":"workflow","id":"x"},
		"authentication":{"match":"all","secure_header":{"name":"X-A","value":"one"},"signature":{"provider":"github","secrets":["two","three"]},
		"bearer":{"tokens":["four"]}}}`)
	in.Identity, in.ManagedBy = newIdentity(), ManagedByAPI
	again := throughStore(t, in)
	if !reflect.DeepEqual(in, again) {
		t.Errorf("%+v\n%+v", in, again)
	}
	in = mustParse(t, `{"authentication":{"basic":{"username":"u","password":"p"}}}`)
	in.ManagedBy = ManagedByAPI
	if again := throughStore(t, in); !reflect.DeepEqual(in, again) {
		t.Errorf("%+v\n%+v", in, again)
	}
}

// shown is what a reader sees of a credential.
func shown(in *Integration, kind string) any {
	for _, field := range in.Mask("").Authentication {
		if field.Name == kind {
			return field.Value
		}
	}
	return nil
}
