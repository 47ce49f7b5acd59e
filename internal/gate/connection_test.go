package gate

import (
	"net/http"
	"net/netip"
	"testing"

	"github.com/hookgate/hookgate/internal/credential"
	"github.com/hookgate/hookgate/internal/integration"
)

// from lets the integration be called from these addresses only.
func from(texts ...string) func(*integration.Integration) {
	return func(it *integration.Integration) {
		sources := new(credential.SourceIPs)
		for _, text := range texts {
			*sources = append(*sources, netip.MustParsePrefix(text))
		}
		give(it, sources)
	}
}

func alone(it *integration.Integration) {
	it.Authentication.Credentials, it.Authentication.RequireSHA256Signature = nil, false
}

func TestSources(t *testing.T) {
	const here, elsewhere = "127.0.0.0/8", "192.0.2.0/24"
	good := signed("push", "d", "{}")
	bearer := func(it *integration.Integration) {
		alone(it)
		give(it, &credential.Bearer{Tokens: secrets("t")})
	}
	all := func(it *integration.Integration) { it.Authentication.Match = integration.MatchAll }
	tests := []struct {
		name   string
		change []func(*integration.Integration)
		header http.Header
		status int
		reason string
	}{
		{"alone, here", []func(*integration.Integration){alone, from(here)}, http.Header{}, 202, ""},
		{"alone, elsewhere", []func(*integration.Integration){alone, from(elsewhere)}, http.Header{}, 401, "source_ips_mismatch"},
		{"signed, here", []func(*integration.Integration){from(elsewhere, here)}, good, 202, ""},
		{"signed, elsewhere", []func(*integration.Integration){from(elsewhere)}, good, 401, "source_ips_mismatch"},
		{"not signed, here", []func(*integration.Integration){from(here)}, http.Header{}, 401, "signature_missing"},
		{"no token, here", []func(*integration.Integration){bearer, from(here)}, http.Header{}, 401, "credential_missing"},
		{"token, here, all", []func(*integration.Integration){bearer, from(here), all}, http.Header{"Authorization": {"Bearer t"}}, 202, ""},
		{"wrong token, here", []func(*integration.Integration){bearer, from(here)}, http.Header{"Authorization": {"Bearer x"}}, 401, "bearer_mismatch"},
		{"a handshake from elsewhere", []func(*integration.Integration){learning("asana", 0), from(elsewhere)}, http.Header{"X-Hook-Secret": {"s"}}, 401, "source_ips_mismatch"},
		{"a handshake, here", []func(*integration.Integration){learning("asana", 0), from(here)}, http.Header{"X-Hook-Secret": {"s"}}, 200, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := serve(t, newBackend(t, github(test.change...)), New(Settings{}))
			got := s.post(t, "/webhooks/hook", test.header, "{}")
			if seen := s.lastSeen(t, 1); got.status != test.status || seen.Reason != test.reason {
				t.Errorf("%d %s, %q", got.status, got.body, seen.Reason)
			}
		})
	}
}

// A handshake by another method is for the sender's addresses, too.
func TestSourcesByMethod(t *testing.T) {
	for source, status := range map[string]int{"127.0.0.0/8": 200, "192.0.2.0/24": 401} {
		s := serve(t, newBackend(t, github(by("dropbox", "k"), from(source))), New(Settings{}))
		if got := s.ask(t, "GET", "/webhooks/hook?challenge=abc"); got.status != status {
			t.Errorf("%s: %d %s", source, got.status, got.body)
		}
	}
}

// A test event comes from an address that may call.
func TestSampleFromSource(t *testing.T) {
	b := newBackend(t, github(from("192.0.2.0/24")))
	if got, err := Sample(t.Context(), b.config(), publicURL, "hook"); err != nil || got.StatusCode != 202 {
		t.Errorf("%d %s, %v", got.StatusCode, got.Body, err)
	}
}
