package gate

import (
	"net/http"
	"testing"
	"time"

	"github.com/hookgate/hookgate/internal/credential"
	"github.com/hookgate/hookgate/internal/integration"
)

// learning makes the integration a sender's that brings its own secret.
func learning(name string, since time.Duration, texts ...string) func(*integration.Integration) {
	return func(it *integration.Integration) {
		by(name, texts...)(it)
		it.Authentication.RequireSHA256Signature = true
		it.Handshake = &integration.Handshake{OpenedAt: time.Now().Add(-since)}
	}
}

// learningWithToken wants a bearer token, too.
func learningWithToken(it *integration.Integration) {
	learning("asana", 0)(it)
	it.Authentication.Match = integration.MatchAll
	give(it, &credential.Bearer{Tokens: secrets("t")})
}

func TestLearn(t *testing.T) {
	asana := http.Header{"X-Hook-Secret": {"s3cret"}}
	notion := http.Header{"Content-Type": {"application/json"}}
	withToken := func(text string) http.Header {
		return http.Header{"X-Hook-Secret": {"s3cret"}, "Authorization": {"Bearer " + text}}
	}
	const token = `{"verification_token":"secret_x"}`
	tests := []struct {
		name    string
		change  func(*integration.Integration)
		header  http.Header
		body    string
		status  int
		learned string
		reason  string
	}{
		{"asana", learning("asana", 0), asana, "", 200, "s3cret", ""},
		{"asana with a secret before", learning("asana", 0, "k"), asana, "", 200, "s3cret", ""},
		{"notion", learning("notion", time.Minute), notion, token, 200, "secret_x", ""},
		{"notion beside another way in", func(it *integration.Integration) {
			learning("notion", 0)(it)
			give(it, &credential.Bearer{Tokens: secrets("t")})
		}, notion, token, 200, "secret_x", ""},
		{"all, without the token", learningWithToken, asana, "", 401, "", "bearer_missing"},
		{"all, with another token", learningWithToken, withToken("x"), "", 401, "", "bearer_mismatch"},
		{"all, with the token", learningWithToken, withToken("t"), "", 200, "s3cret", ""},
		{"all, without the certificate", func(it *integration.Integration) {
			learning("asana", 0)(it)
			it.Authentication.Match = integration.MatchAll
			give(it, &credential.ClientCertificate{SANs: []string{"asana.example"}})
		}, asana, "", 401, "", "client_certificate_missing"},
		{"too late", learning("asana", integration.HandshakeWindow), asana, "", 401, "", "signature_missing"},
		{"no window", by("asana"), asana, "", 401, "", "credential_missing"},
		{"a number", learning("notion", 0), notion, `{"verification_token":{}}`, 401, "", "signature_missing"},
		{"twice", learning("asana", 0), http.Header{"X-Hook-Secret": {"a", "b"}}, "", 401, "", "signature_missing"},
		{"with a wrong signature", learning("asana", 0, "k"), http.Header{"X-Hook-Secret": {"s"}, "X-Hook-Signature": {signature("")[7:]}}, "", 401, "", "signature_mismatch"},
		{"with a token that cannot be judged", func(it *integration.Integration) {
			learning("asana", 0)(it)
			give(it, &credential.JWT{Issuer: "issuer", Audience: "a", Header: "X-Token"})
		}, http.Header{"X-Hook-Secret": {"s"}, "X-Token": {"t"}}, "", 503, "", "jwt_issuer_unknown"},
		{"another provider", learning("github", 0, "k"), asana, "", 401, "", "signature_missing"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := newBackend(t, github(test.change))
			s := serve(t, b, New(Settings{}))
			got := s.post(t, "/webhooks/hook", test.header, test.body)
			seen := s.lastSeen(t, 1)
			if got.status != test.status || seen.Learned != (test.learned != "") || seen.Reason != test.reason {
				t.Errorf("%d %s, %+v", got.status, got.body, seen)
			}
			if test.learned == "" && len(b.learned) > 0 || test.learned != "" && (len(b.learned) != 1 || b.learned[0] != test.learned+" from 127.0.0.1") {
				t.Errorf("learned %q", b.learned)
			}
			if test.learned == "s3cret" && got.header.Get("X-Hook-Secret") != test.learned {
				t.Errorf("answered with %v", got.header)
			}
			if b.log.count() != 0 {
				t.Error("a handshake was stored")
			}
		})
	}
}

// The second secret is refused like any other caller, and what cannot be kept
// is not answered.
func TestLearnRefused(t *testing.T) {
	b := newBackend(t, github(learning("asana", 0)))
	s := serve(t, b, New(Settings{}))
	for i, want := range []int{200, 401} {
		if got := s.post(t, "/webhooks/hook", http.Header{"X-Hook-Secret": {"s"}}, ""); got.status != want {
			t.Errorf("request %d: %d %s", i, got.status, got.body)
		}
	}
	if seen := s.lastSeen(t, 2); seen.Reason != "secret_refused" {
		t.Errorf("%+v", seen)
	}
	b.unlearned = errDown
	if got := s.post(t, "/webhooks/hook", http.Header{"X-Hook-Secret": {"s"}}, ""); got.status != 503 || got.header.Get("Retry-After") == "" {
		t.Errorf("%d %s", got.status, got.body)
	}
}

// As long as no secret is confirmed nothing is authenticated, whatever it is
// signed with.
func TestNoSecretYet(t *testing.T) {
	for _, match := range []integration.Match{integration.MatchAny, integration.MatchAll} {
		b := newBackend(t, github(learning("asana", 0), func(it *integration.Integration) { it.Authentication.Match = match }))
		s := serve(t, b, New(Settings{}))
		for _, header := range []http.Header{{}, {"X-Hook-Signature": {signature("{}")[7:]}}, {"X-Hook-Signature": {""}}} {
			if got := s.post(t, "/webhooks/hook", header, "{}"); got.status != 401 {
				t.Errorf("%v: %d", header, got.status)
			}
		}
	}
}

// The handshake of a sender whose credential stands in the body has none there.
func TestHandshakeWithoutBody(t *testing.T) {
	b := newBackend(t, github(by("msgraph", "word")))
	s := serve(t, b, New(Settings{}))
	for _, test := range []struct {
		query, body string
		status      int
	}{
		{"?validationToken=abc", "", 200},
		{"", "", 401},
		{"", `{"value":[{"clientState":"word","changeType":"created"}]}`, 202},
		{"", `{"value":[{"clientState":"ward","changeType":"created"}]}`, 401},
		{"?validationToken=abc", `{"value":[{"clientState":"ward"}]}`, 401},
	} {
		got := s.post(t, "/webhooks/hook"+test.query, http.Header{"Content-Type": {"application/json"}}, test.body)
		if got.status != test.status || got.status == 200 && (got.body != "abc" || got.header.Get("Content-Type") != "text/plain; charset=utf-8") {
			t.Errorf("%s %s: %d %s", test.query, test.body, got.status, got.body)
		}
	}
	if b.log.count() != 1 {
		t.Errorf("%d events stored", b.log.count())
	}
}
