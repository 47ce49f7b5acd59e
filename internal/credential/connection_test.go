package credential

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"math/big"
	"net/netip"
	"net/url"
	"testing"
	"time"

	"github.com/hookgate/hookgate/internal/sender"
	"github.com/hookgate/hookgate/module/provider"
)

// look returns why a request is refused that must have the credential.
func look(t *testing.T, c Credential, q *Request) provider.Reason {
	t.Helper()
	checker, err := NewChecker(NewSet(c), Policy{All: true})
	if err != nil {
		t.Fatal(err)
	}
	return checker.Look(q, false).Reason
}

func TestIsSource(t *testing.T) {
	list := &SourceIPs{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::/32")}
	for client, want := range map[string]bool{
		"192.0.2.255": true, "192.0.3.0": false, "::ffff:192.0.2.1": true, "2001:db8::1": true, "2001:db8::1%eth0": true,
		"2001:db9::1": false, "": false, "@": false, "192.0.2.1:80": false,
	} {
		if got := look(t, list, &Request{Client: client}); (got == "") != want {
			t.Errorf("%q: %v", client, got)
		}
	}
	checker, err := NewChecker(nil, Policy{Open: true})
	if err != nil || checker.Look(new(Request), true) != (Refusal{}) {
		t.Errorf("without a list somebody may not call: %v", err)
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
	digest := func(c *x509.Certificate) *ClientCertificate {
		sum := sha256.Sum256(c.Raw)
		return &ClientCertificate{Fingerprints: []string{hex.EncodeToString(make([]byte, 32)), hex.EncodeToString(sum[:])}}
	}
	name := func(names ...string) *ClientCertificate {
		return &ClientCertificate{SANs: names}
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
		want  *ClientCertificate
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
		if got := look(t, test.want, &Request{TLS: test.state, Now: now}); got != test.out {
			t.Errorf("%s: %q, want %q", test.name, got, test.out)
		}
	}
}

// What is read as a source is written in one way, which reads as the same.
func FuzzSource(f *testing.F) {
	for _, text := range []string{"192.0.2.0/24", "::ffff:192.0.2.0/120", "2001:db8::1", "::/0", "fe80::1%eth0", "1/1"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		prefix, ok := source(text)
		if !ok {
			return
		}
		if again, ok := source(sourceText(prefix)); !ok || again != prefix {
			t.Errorf("%q reads as %v, and that as %v", text, prefix, again)
		}
		if prefix.Addr().Is4In6() || prefix.Addr().Zone() != "" {
			t.Errorf("%q reads as %v", text, prefix)
		}
	})
}
