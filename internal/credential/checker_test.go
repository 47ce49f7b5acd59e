package credential

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"testing"
	"time"

	"github.com/hookgate/hookgate/internal/jsondoc"
	"github.com/hookgate/hookgate/internal/jwt"
	"github.com/hookgate/hookgate/internal/sender"
)

// gateway has an issuer without keys.
type gateway struct{}

func (gateway) Issuer(name string) *jwt.Issuer {
	if name == "known" {
		return new(jwt.Issuer)
	}
	return nil
}

func (gateway) Remote() *sender.Remote { return new(sender.Remote) }

func (gateway) Address() string { return "https://hooks.example.com/webhooks/hook" }

func by(name, secret string) *Signature {
	return &Signature{Provider: name, Secrets: []Secret{NewSecret(secret)}}
}

// What a look leaves open is verified: before the body where it can be, and
// otherwise with it.
func TestVerify(t *testing.T) {
	const body = `{"action":"opened"}`
	mac := hmac.New(sha256.New, []byte("k"))
	mac.Write([]byte(body))
	signature := "sha256=" + hex.EncodeToString(mac.Sum(nil))
	token := func(issuer string) *JWT { return &JWT{Issuer: issuer, Audience: "a", Header: "X-Token"} }
	for name, test := range map[string]struct {
		credential   Credential
		header       http.Header
		before, with string // the refusal before the body, and with it
		pending      bool
	}{
		"a signature":               {by("github", "k"), http.Header{"X-Hub-Signature-256": {signature}}, "", "", false},
		"another signature":         {by("github", "l"), http.Header{"X-Hub-Signature-256": {signature}}, "", "signature_mismatch", false},
		"a signature without body":  {by("pubsub", "a@b https://x"), http.Header{"Authorization": {"Bearer e30.e30.e30"}}, "signature_unavailable", "", true},
		"a token":                   {token("known"), http.Header{"X-Token": {"junk"}}, "jwt_malformed", "", false},
		"a token of nobody":         {token("unknown"), http.Header{"X-Token": {"junk"}}, "jwt_issuer_unknown", "", true},
		"what a look decides alone": {&Bearer{Tokens: []Secret{NewSecret("t")}}, http.Header{"Authorization": {"Bearer t"}}, "", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			checker, err := NewChecker(NewSet(test.credential), Policy{})
			if err != nil {
				t.Fatal(err)
			}
			q := &Request{Header: test.header, Now: time.Now(), Client: "192.0.2.1", Body: new(jsondoc.Document)}
			if refusal := checker.Look(q, false); refusal != (Refusal{}) {
				t.Fatalf("a look: %v", refusal)
			}
			before := checker.Verify(t.Context(), q, gateway{})
			if before.String() != test.before || before.Pending() != test.pending {
				t.Errorf("before the body: %v, pending %v", before, before.Pending())
			}
			q.Body = jsondoc.New([]byte(body))
			if with := checker.VerifyBody(t.Context(), q, gateway{}); with.String() != test.with {
				t.Errorf("with the body: %v", with)
			}
		})
	}
}

// A credential that is not carried is not verified: another one has let the request in.
func TestVerifyWhatIsCarried(t *testing.T) {
	checker, err := NewChecker(NewSet(
		&Bearer{Tokens: []Secret{NewSecret("t")}}, &JWT{Issuer: "known", Audience: "a", Header: "X-Token"}, by("github", "k"),
	), Policy{})
	if err != nil {
		t.Fatal(err)
	}
	q := &Request{Header: http.Header{"Authorization": {"Bearer t"}}, Now: time.Now(), Body: new(jsondoc.Document)}
	for i, refusal := range []Refusal{
		checker.Look(q, false), checker.Verify(t.Context(), q, gateway{}), checker.VerifyBody(t.Context(), q, gateway{}),
	} {
		if refusal != (Refusal{}) {
			t.Errorf("step %d: %v", i, refusal)
		}
	}
	if !checker.Proven(q) {
		t.Error("the token proves nothing")
	}
	q = &Request{Header: http.Header{"X-Hub-Signature-256": {"sha256=" + hex.EncodeToString(make([]byte, 32))}}, Now: time.Now()}
	if refusal := checker.Look(q, false); refusal != (Refusal{}) || checker.Proven(q) {
		t.Errorf("a signature is proven before the body: %v", refusal)
	}
}
