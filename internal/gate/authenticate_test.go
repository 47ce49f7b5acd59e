package gate

import (
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/internal/credential"
	"github.com/hookgate/hookgate/internal/integration"
)

// ways returns a change to the integration's ways in.
func ways(auth integration.Authentication) func(*integration.Integration) {
	return func(it *integration.Integration) { it.Authentication = auth }
}

func basic(user, password string) string {
	return base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
}

func TestAuthentication(t *testing.T) {
	var (
		secure = &credential.SecureHeader{Name: "x-secure-header", Value: credential.NewSecret("open sesame")}
		signed = &credential.Signature{Provider: "github", Secrets: secrets("old", theSecret)}
		token  = &credential.Signature{Provider: "gitlab", Secrets: secrets("glt", "glt2")}
		user   = &credential.Basic{Username: "jürgen", Password: credential.NewSecret("pass:wörd")}
		bearer = &credential.Bearer{Tokens: secrets("t0k3n", "t1")}

		goodSecure = "X-Secure-Header: open sesame"
		badSecure  = "X-Secure-Header: open sesame!"
		good256    = "X-Hub-Signature-256: " + signature(push)
		bad256     = "X-Hub-Signature-256: " + signature("x")
		good1      = "X-Hub-Signature: " + legacySignature(push)
		goodBasic  = "Authorization: Basic " + basic("jürgen", "pass:wörd")
		goodBearer = "Authorization: Bearer t0k3n"
	)
	const (
		anyOf = integration.MatchAny
		allOf = integration.MatchAll
	)
	tests := []struct {
		name   string
		auth   integration.Authentication
		fields []string
		reason string // "" is let in
	}{
		{"nothing configured", integration.Authentication{Match: anyOf}, nil, "credential_not_configured"},
		{"nothing configured, all", integration.Authentication{Match: allOf}, []string{goodSecure}, "credential_not_configured"},
		{"unauthenticated, the operator forbids", integration.Authentication{Match: anyOf, AllowUnauthenticated: true}, nil, "credential_not_configured"},
		{"allowed beside a credential", integration.Authentication{Credentials: credential.NewSet(secure), Match: anyOf, AllowUnauthenticated: true}, nil, "credential_missing"},

		{"header", integration.Authentication{Credentials: credential.NewSet(secure), Match: anyOf}, []string{goodSecure}, ""},
		{"header in lower case", integration.Authentication{Credentials: credential.NewSet(secure), Match: anyOf}, []string{strings.ToLower(goodSecure)}, ""},
		{"header missing", integration.Authentication{Credentials: credential.NewSet(secure), Match: anyOf}, nil, "credential_missing"},
		{"header wrong", integration.Authentication{Credentials: credential.NewSet(secure), Match: anyOf}, []string{badSecure}, "secure_header_mismatch"},
		{"header empty", integration.Authentication{Credentials: credential.NewSet(secure), Match: anyOf}, []string{"X-Secure-Header:"}, "secure_header_malformed"},
		{"header twice", integration.Authentication{Credentials: credential.NewSet(secure), Match: anyOf}, []string{goodSecure, goodSecure}, "secure_header_duplicate"},
		{"header not ASCII", integration.Authentication{Credentials: credential.NewSet(secure), Match: anyOf}, []string{"X-Secure-Header: \xfc\xff"}, "secure_header_malformed"},
		{"header in a list", integration.Authentication{Credentials: credential.NewSet(secure), Match: anyOf}, []string{"X-Secure-Header: x, open sesame"}, "secure_header_mismatch"},

		{"any: the header", integration.Authentication{Credentials: credential.NewSet(secure, signed), Match: anyOf}, []string{goodSecure}, ""},
		{"any: the signature", integration.Authentication{Credentials: credential.NewSet(secure, signed), Match: anyOf}, []string{good256}, ""},
		{"any: both", integration.Authentication{Credentials: credential.NewSet(secure, signed), Match: anyOf}, []string{good256, goodSecure}, ""},
		{"any: none", integration.Authentication{Credentials: credential.NewSet(secure, signed), Match: anyOf}, nil, "credential_missing"},
		{"any: one of two wrong", integration.Authentication{Credentials: credential.NewSet(secure, signed), Match: anyOf}, []string{goodSecure, bad256}, "signature_mismatch"},
		{"any: one of two empty", integration.Authentication{Credentials: credential.NewSet(secure, signed), Match: anyOf}, []string{good256, "X-Secure-Header:"}, "secure_header_malformed"},
		{"any: one of two twice", integration.Authentication{Credentials: credential.NewSet(secure, signed), Match: anyOf}, []string{goodSecure, good256, good256}, "signature_duplicate"},
		{"all: both", integration.Authentication{Credentials: credential.NewSet(secure, signed), Match: allOf}, []string{good256, goodSecure}, ""},
		{"all: header only", integration.Authentication{Credentials: credential.NewSet(secure, signed), Match: allOf}, []string{goodSecure}, "signature_missing"},
		{"all: signature only", integration.Authentication{Credentials: credential.NewSet(secure, signed), Match: allOf}, []string{good256}, "secure_header_missing"},
		{"no match said: all", integration.Authentication{Credentials: credential.NewSet(secure, signed)}, []string{good256}, "secure_header_missing"},

		{"required: header only", integration.Authentication{Credentials: credential.NewSet(secure, signed), Match: anyOf, RequireSHA256Signature: true}, []string{goodSecure}, "signature_missing"},
		{"required: SHA-1", integration.Authentication{Credentials: credential.NewSet(signed), Match: anyOf, RequireSHA256Signature: true}, []string{good1}, "signature_weak"},
		{"required: SHA-1 and header", integration.Authentication{Credentials: credential.NewSet(secure, signed), Match: anyOf, RequireSHA256Signature: true}, []string{good1, goodSecure}, "signature_weak"},
		{"required: SHA-256", integration.Authentication{Credentials: credential.NewSet(secure, signed), Match: anyOf, RequireSHA256Signature: true}, []string{good256}, ""},
		{"SHA-1", integration.Authentication{Credentials: credential.NewSet(signed), Match: anyOf}, []string{good1}, ""},
		{"SHA-1 wrong beside SHA-256", integration.Authentication{Credentials: credential.NewSet(signed), Match: anyOf}, []string{"X-Hub-Signature: junk", good256}, ""},
		{"SHA-1 good beside wrong SHA-256", integration.Authentication{Credentials: credential.NewSet(signed), Match: anyOf}, []string{good1, bad256}, "signature_mismatch"},
		{"SHA-1 good beside empty SHA-256", integration.Authentication{Credentials: credential.NewSet(signed), Match: anyOf}, []string{good1, "X-Hub-Signature-256:"}, "signature_malformed"},
		{"signature not ASCII", integration.Authentication{Credentials: credential.NewSet(signed), Match: anyOf}, []string{"X-Hub-Signature-256: sha256=\xff"}, "signature_malformed"},

		{"gitlab", integration.Authentication{Credentials: credential.NewSet(token), Match: anyOf}, []string{"X-Gitlab-Token: glt2"}, ""},
		{"gitlab wrong", integration.Authentication{Credentials: credential.NewSet(token), Match: anyOf}, []string{"X-Gitlab-Token: glt3"}, "signature_mismatch"},

		{"basic", integration.Authentication{Credentials: credential.NewSet(user), Match: anyOf}, []string{goodBasic}, ""},
		{"basic in another case", integration.Authentication{Credentials: credential.NewSet(user), Match: anyOf}, []string{strings.Replace(goodBasic, "Basic ", "bASIC  ", 1)}, ""},
		{"basic wrong", integration.Authentication{Credentials: credential.NewSet(user), Match: anyOf}, []string{"Authorization: Basic " + basic("jürgen", "pass")}, "basic_mismatch"},
		{"basic another user", integration.Authentication{Credentials: credential.NewSet(user), Match: anyOf}, []string{"Authorization: Basic " + basic("x", "pass:wörd")}, "basic_mismatch"},
		{"basic unpadded", integration.Authentication{Credentials: credential.NewSet(user), Match: anyOf}, []string{strings.TrimRight(goodBasic, "=") + "*"}, "basic_mismatch"},
		{"basic without scheme", integration.Authentication{Credentials: credential.NewSet(user), Match: anyOf}, []string{"Authorization: " + basic("jürgen", "pass:wörd")}, "basic_malformed"},
		{"basic, bearer sent", integration.Authentication{Credentials: credential.NewSet(user), Match: anyOf}, []string{goodBearer}, "basic_malformed"},
		{"basic twice", integration.Authentication{Credentials: credential.NewSet(user), Match: anyOf}, []string{goodBasic, goodBasic}, "basic_duplicate"},
		{"basic not ASCII", integration.Authentication{Credentials: credential.NewSet(user), Match: anyOf}, []string{"Authorization: Basic \xff"}, "basic_malformed"},

		{"bearer", integration.Authentication{Credentials: credential.NewSet(bearer), Match: anyOf}, []string{goodBearer}, ""},
		{"bearer, second token", integration.Authentication{Credentials: credential.NewSet(bearer), Match: anyOf}, []string{"authorization: bearer t1"}, ""},
		{"bearer wrong", integration.Authentication{Credentials: credential.NewSet(bearer), Match: anyOf}, []string{"Authorization: Bearer t2"}, "bearer_mismatch"},
		{"bearer empty", integration.Authentication{Credentials: credential.NewSet(bearer), Match: anyOf}, []string{"Authorization: Bearer"}, "bearer_malformed"},
		{"bearer, nothing sent", integration.Authentication{Credentials: credential.NewSet(bearer), Match: anyOf}, nil, "credential_missing"},
		{"bearer wrong beside a signature", integration.Authentication{Credentials: credential.NewSet(bearer, signed), Match: anyOf}, []string{"Authorization: Bearer t2", good256}, "bearer_mismatch"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := serve(t, newBackend(t, github(ways(test.auth))), New(Settings{}))
			want := 202
			if test.reason != "" {
				want = 401
			}
			if got := s.raw(t, request("/webhooks/hook", test.fields, push)); got.status != want {
				t.Errorf("status %d, want %d", got.status, want)
			}
			if seen := s.lastSeen(t, 1); seen.Reason != test.reason {
				t.Errorf("reason %q, want %q", seen.Reason, test.reason)
			}
		})
	}
}

func TestUnauthenticatedWhereAllowed(t *testing.T) {
	b := newBackend(t, github(ways(integration.Authentication{Match: integration.MatchAny, AllowUnauthenticated: true})))
	b.open = true
	s := serve(t, b, New(Settings{}))
	if got := s.post(t, "/webhooks/hook", nil, push); got.status != 202 {
		t.Errorf("status %d", got.status)
	}
	b.put(t, github(ways(integration.Authentication{Match: integration.MatchAny})))
	if got := s.post(t, "/webhooks/hook", nil, push); got.status != 401 {
		t.Errorf("the operator alone: status %d", got.status)
	}
}

func TestCompileRefuses(t *testing.T) {
	for name, auth := range map[string]integration.Authentication{
		"unknown provider":     {Credentials: credential.NewSet(&credential.Signature{Provider: "none", Secrets: secrets("x")})},
		"empty secret":         {Credentials: credential.NewSet(&credential.Signature{Provider: "github", Secrets: secrets("x", "")})},
		"no secret":            {Credentials: credential.NewSet(&credential.Signature{Provider: "github"})},
		"empty value":          {Credentials: credential.NewSet(&credential.SecureHeader{Name: "X-A"})},
		"no name":              {Credentials: credential.NewSet(&credential.SecureHeader{Value: credential.NewSecret("x")})},
		"empty password":       {Credentials: credential.NewSet(&credential.Basic{Username: "u"})},
		"colon in the user":    {Credentials: credential.NewSet(&credential.Basic{Username: "u:v", Password: credential.NewSecret("x")})},
		"no token":             {Credentials: credential.NewSet(&credential.Bearer{})},
		"required, no way":     {RequireSHA256Signature: true, Credentials: credential.NewSet(&credential.Bearer{Tokens: secrets("x")})},
		"required, not a HMAC": {RequireSHA256Signature: true, Credentials: credential.NewSet(&credential.Signature{Provider: "none", Secrets: secrets("x")})},
	} {
		if _, err := Compile(github(ways(auth))); err == nil {
			t.Errorf("%s: no error", name)
		} else if strings.Contains(err.Error(), theSecret) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Nothing but the right values lets anyone in, whatever the headers hold.
func FuzzCredentials(f *testing.F) {
	f.Add("open sesame", "", "Basic dTpw")
	f.Add("", signature(push), "Bearer x")
	f.Add("x", "sha256="+hex.EncodeToString(make([]byte, 32)), "")
	route, err := Compile(github(ways(integration.Authentication{Credentials: credential.NewSet(&credential.SecureHeader{Name: "X-Secure", Value: credential.NewSecret("open sesame")}, &credential.Signature{Provider: "github", Secrets: secrets(theSecret)}, &credential.Bearer{Tokens: secrets("t0k3n")}), Match: integration.MatchAny})))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, secure, sha256, authorization string) {
		header := http.Header{}
		for name, value := range map[string]string{"X-Secure": secure, "X-Hub-Signature-256": sha256, "Authorization": authorization} {
			if value != "" {
				header.Set(name, value)
			}
		}
		b := newBackend(t)
		b.routes["hook"] = route
		g := New(Settings{})
		r, err := http.NewRequest(http.MethodPost, "/webhooks/hook", strings.NewReader(push))
		if err != nil {
			t.Fatal(err)
		}
		r.Header = header
		seen := g.Serve(discard{http.Header{}}, r, "", b.Acquire)
		scheme, token, _ := strings.Cut(authorization, " ")
		right := (secure == "" || secure == "open sesame") && (sha256 == "" || sha256 == signature(push)) &&
			(authorization == "" || strings.EqualFold(scheme, "bearer") && strings.TrimLeft(token, " ") == "t0k3n") &&
			len(header) > 0
		if (seen.StatusCode == 202) != right || seen.StatusCode >= 500 {
			t.Errorf("status %d for %q", seen.StatusCode, header)
		}
	})
}

// discard is an answer that nobody reads.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}

// A secret that stands where a sender names its event goes no further.
func TestSecretIsNoEventType(t *testing.T) {
	for _, name := range []string{"X-Github-Event", "X-Github-Delivery"} {
		b := newBackend(t, github(ways(integration.Authentication{Credentials: credential.NewSet(&credential.SecureHeader{Name: name, Value: credential.NewSecret("a secret")})})))
		header := signed("push", "1", push)
		header.Set(name, "a secret")
		got := serve(t, b, New(Settings{})).post(t, "/webhooks/hook", header, push)
		if got.status != 400 || strings.Contains(got.body, "a secret") || b.log.count() != 0 {
			t.Errorf("%s: %+v, %d events stored", name, got, b.log.count())
		}
	}
}
