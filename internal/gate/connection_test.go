package gate

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"math/big"
	"net/http"
	"net/netip"
	"net/url"
	"testing"
	"time"

	"github.com/hookgate/hookgate/internal/integration"
	"github.com/hookgate/hookgate/internal/sender"
)

// from lets the integration be called from these addresses only.
func from(texts ...string) func(*integration.Integration) {
	return func(it *integration.Integration) {
		for _, text := range texts {
			it.Authentication.SourceIPs = append(it.Authentication.SourceIPs, netip.MustParsePrefix(text))
		}
	}
}

func alone(it *integration.Integration) {
	it.Authentication.Signature, it.Authentication.RequireSHA256Signature = nil, false
}

func TestIsSource(t *testing.T) {
	list := []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::/32")}
	for client, want := range map[string]bool{
		"192.0.2.255": true, "192.0.3.0": false, "::ffff:192.0.2.1": true, "2001:db8::1": true, "2001:db8::1%eth0": true,
		"2001:db9::1": false, "": false, "@": false, "192.0.2.1:80": false,
	} {
		if got := isSource(list, client); got != want {
			t.Errorf("%q: %v", client, got)
		}
	}
	if !isSource(nil, "") {
		t.Error("without a list somebody may not call")
	}
}

func TestSources(t *testing.T) {
	const here, elsewhere = "127.0.0.0/8", "192.0.2.0/24"
	good := signed("push", "d", "{}")
	bearer := func(it *integration.Integration) {
		alone(it)
		it.Authentication.Bearer = &integration.Bearer{Tokens: secrets("t")}
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

// leaf makes a certificate.
func leaf(t *testing.T, before, after time.Time) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	uri, err := url.Parse("spiffe://example.com/Sender")
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: before, NotAfter: after,
		DNSNames: []string{"Sender.example.com", "*.wild.example.com"}, URIs: []*url.URL{uri}, EmailAddresses: []string{"Ci@Example.com"},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func TestCheckCertificate(t *testing.T) {
	now := time.Now()
	valid, expired, early := leaf(t, now.Add(-time.Hour), now.Add(time.Hour)), leaf(t, now.Add(-2*time.Hour), now.Add(-time.Hour)), leaf(t, now.Add(time.Hour), now.Add(2*time.Hour))
	digest := func(c *x509.Certificate) *integration.ClientCertificate {
		sum := sha256.Sum256(c.Raw)
		return &integration.ClientCertificate{Fingerprints: []string{hex.EncodeToString(make([]byte, 32)), hex.EncodeToString(sum[:])}}
	}
	name := func(names ...string) *integration.ClientCertificate {
		return &integration.ClientCertificate{SANs: names}
	}
	state := func(c *x509.Certificate, verified bool) *tls.ConnectionState {
		s := &tls.ConnectionState{PeerCertificates: []*x509.Certificate{c}}
		if verified {
			s.VerifiedChains = [][]*x509.Certificate{{c}}
		}
		return s
	}
	tests := []struct {
		name  string
		want  *integration.ClientCertificate
		state *tls.ConnectionState
		out   sender.Reason
	}{
		{"no TLS", digest(valid), nil, sender.Missing},
		{"no certificate", digest(valid), &tls.ConnectionState{}, sender.Missing},
		{"fingerprint, verified", digest(valid), state(valid, true), ""},
		{"fingerprint, not verified", digest(valid), state(valid, false), ""},
		{"another fingerprint", digest(early), state(valid, true), sender.Mismatch},
		{"expired", digest(expired), state(expired, false), sender.Stale},
		{"expired, verified", name("sender.example.com"), state(expired, true), sender.Stale},
		{"not valid yet", digest(early), state(early, true), sender.Stale},
		{"host", name("x", "sender.EXAMPLE.com"), state(valid, true), ""},
		{"host, not verified", name("sender.example.com"), state(valid, false), sender.Mismatch},
		{"the wildcard's host", name("a.wild.example.com"), state(valid, true), sender.Mismatch},
		{"a part of the host", name("example.com"), state(valid, true), sender.Mismatch},
		{"URI", name("spiffe://example.com/Sender"), state(valid, true), ""},
		{"URI in another case", name("spiffe://example.com/sender"), state(valid, true), sender.Mismatch},
		{"URI, longer", name("spiffe://example.com/Sender/"), state(valid, true), sender.Mismatch},
		{"mail", name("Ci@example.com"), state(valid, true), ""},
		{"mail of another user", name("ci@example.com"), state(valid, true), sender.Mismatch},
	}
	for _, test := range tests {
		if got := checkCertificate(test.want, test.state, now); got != test.out {
			t.Errorf("%s: %q, want %q", test.name, got, test.out)
		}
	}
}
