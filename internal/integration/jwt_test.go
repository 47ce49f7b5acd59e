package integration

import (
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/internal/credential"
	"github.com/hookgate/hookgate/module/storage"
)

func TestJWT(t *testing.T) {
	read := func(stored *Integration, issuers ...string) func(text string) (*Integration, error) {
		return func(text string) (*Integration, error) {
			rules := rules()
			rules.Issuer = func(name string) (credential.IssuerFacts, bool) {
				return credential.IssuerFacts{SignsForAll: name == "google"}, slices.Contains(issuers, name)
			}
			return reading{rules: rules, project: "demo", webhookID: "hook", stored: stored}.read(mustDecode(t, `{"authentication":{"jwt":`+text+`}}`))
		}
	}
	in, err := read(nil, "google")(`{"issuer":"google","audience":"a","claims":{"email":"x","ok":true,"no":false}}`)
	if err != nil {
		t.Fatal(err)
	}
	want := &credential.JWT{Issuer: "google", Audience: "a", Claims: map[string]any{"email": "x", "ok": true, "no": false}, Header: "Authorization"}
	if got := credential.Of[*credential.JWT](in.Authentication.Credentials); !reflect.DeepEqual(got, want) {
		t.Errorf("%v", got)
	}
	if again := throughStore(t, in); !reflect.DeepEqual(credential.Of[*credential.JWT](again.Authentication.Credentials), want) {
		t.Errorf("stored: %v", credential.Of[*credential.JWT](again.Authentication.Credentials))
	}
	shown, err := json.Marshal(shown(in, "jwt"))
	if err != nil {
		t.Fatal(err)
	}
	if again, err := read(nil, "google")(string(shown)); err != nil || !reflect.DeepEqual(credential.Of[*credential.JWT](again.Authentication.Credentials), want) {
		t.Errorf("sent back: %v, %v", again, err)
	}
	if _, err := read(in)(string(shown)); err != nil {
		t.Errorf("the issuer has gone: %v", err)
	}
	if _, err := read(nil, "other")(`{"issuer":"other","audience":"a"}`); err != nil {
		t.Errorf("an issuer that signs for its own: %v", err)
	}
	many := `"c":"x",`
	for i := range 10 {
		many += `"d` + string(rune('a'+i)) + `":"x",`
	}
	for text, want := range map[string]string{
		`{"issuer":"other","audience":"a"}`:        "authentication.jwt.issuer",
		`{"audience":"a"}`:                         "authentication.jwt.issuer",
		`{"issuer":"google"}`:                      "authentication.jwt.audience",
		`{"issuer":"google","audience":"a\u0000"}`: "authentication.jwt.audience",
		`{"issuer":"google","audience":"` + strings.Repeat("a", 1024+1) + `"}`:                "authentication.jwt.audience",
		`{"issuer":"google","audience":"a","claims":{` + strings.TrimSuffix(many, ",") + `}}`: "authentication.jwt.claims",
		`{"issuer":"google","audience":"a","claims":{"":"x"}}`:                                "authentication.jwt.claims",
		`{"issuer":"google","audience":"a","claims":{"x":""}}`:                                "authentication.jwt.claims.x",
		`{"issuer":"google","audience":"a","claims":{"x":null}}`:                              "authentication.jwt.claims.x",
		`{"issuer":"google","audience":"a","claims":{"x":["a"]}}`:                             "authentication.jwt.claims.x",
		`{"issuer":"google","audience":"a","claims":{"exp":"1"}}`:                             "authentication.jwt.claims.exp",
		`{"issuer":"google","audience":"a","claims":[]}`:                                      "authentication.jwt.claims",
		`{"issuer":"google","audience":"a","claims":{"sub":"1"},"header":"Content-Type"}`:     "authentication.jwt.header",
		`{"issuer":"google","audience":"a","claims":{"sub":"1"},"header":"a b"}`:              "authentication.jwt.header",
		`{"issuer":"google","audience":"a","x":1}`:                                            "authentication.jwt.x",
		`{"issuer":"google","audience":"a"}`:                                                  "authentication.jwt.claims",
		`{"issuer":"google","audience":"a","claims":{"email_verified":true}}`:                 "authentication.jwt.claims",
		`{"issuer":"google","audience":"a","claims":{"sub":true}}`:                            "authentication.jwt.claims",
		`"google"`: "authentication.jwt",
	} {
		_, err := read(nil, "google")(text)
		if err == nil || !strings.HasPrefix(err.Error(), want+": ") {
			t.Errorf("%.80s: %v", text, err)
		}
	}
}

// What needs none of the newer flags keeps the bytes that it always had.
func TestStoredKeepsItsVersion(t *testing.T) {
	in := mustParse(t, `{`+github+`}`)
	value, err := in.Encode()
	if err != nil || value[0] != storedVersion {
		t.Errorf("version %d, %v", value[0], err)
	}
	in.Authentication.Credentials = in.Authentication.Credentials.With(&credential.JWT{Issuer: "google", Audience: "a"})
	if value, err = in.Encode(); err != nil || value[0] != wideVersion {
		t.Errorf("version %d, %v", value[0], err)
	}
	value[1+len(in.Identity)+1] |= 0x80 // of a later version
	if _, err := Decode(storage.Integration{Value: value}); !errors.Is(err, storage.ErrCorrupt) {
		t.Errorf("an unknown flag: %v", err)
	}
}
