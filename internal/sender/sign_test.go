package sender

import (
	"bytes"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/internal/jsondoc"
	"github.com/hookgate/hookgate/module/provider"
)

var senderSigns = []string{"discord", "paypal", "pubsub", "sendgrid", "sns", "standard-webhooks-ed25519", "svix-ed25519"}

const address = "https://hooks.example.com/webhooks/x"

// check goes the whole way that a request goes.
func check(v *Verifier, r *provider.Request) Reason {
	claim, reason := v.Precheck(r.Header, r.Now)
	if reason != "" {
		return reason
	}
	claim.URL = r.URL
	return claim.Verify(r.Body)
}

// signed returns a sample event with its signature.
func signed(t testing.TB, p *Provider, secret string) *provider.Request {
	t.Helper()
	r := p.Sample(address, "d-1", time.Unix(1764000000, 0))
	if err := p.Sign(secret, r); err != nil {
		t.Fatalf("%s: %v", p.name, err)
	}
	return r
}

func TestSamples(t *testing.T) {
	for _, name := range Names() {
		t.Run(name, func(t *testing.T) {
			p := mustLookup(t, name)
			secret := anySecret(p)
			v := mustVerifier(t, name, false, secret)
			r := p.Sample(address, "d-1", time.Unix(1764000000, 0))
			if !json.Valid(r.Body) {
				t.Fatalf("%q is no JSON", r.Body)
			}
			err := p.Sign(secret, r)
			if slices.Contains(senderSigns, name) {
				if !errors.Is(err, ErrSenderSigns) {
					t.Errorf("signing: %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if reason := check(v, r); reason != "" {
				t.Fatalf("%q: %v %s", reason, r.Header, r.Body)
			}
			m, err := readMessage(p, r.Header, jsondoc.New(r.Body))
			if err != nil || len(p.event) > 0 && m.Type != p.sample || len(p.delivery) > 0 && m.DeliveryID != "d-1" {
				t.Errorf("reads %q %q, %v", m.Type, m.DeliveryID, err)
			}
			if other := p.CheckSecret(secret + "x"); other == nil && check(mustVerifier(t, name, false, secret+"x"), r) == "" {
				t.Error("another secret verifies")
			}
			if a, ok := v.Handshake(r, jsondoc.New(r.Body), true, func(string) bool { return true }); ok {
				t.Errorf("an event is taken for a handshake: %d %s", a.Status, a.Body)
			}
		})
	}
}

// What covers the body must notice each change of it, and what has a time
// must refuse the same request later.
func TestMutations(t *testing.T) {
	for _, name := range Names() {
		p := mustLookup(t, name)
		if slices.Contains(senderSigns, name) || p.schemes[0].method.kind == byToken || p.schemes[0].inBody {
			continue
		}
		t.Run(name, func(t *testing.T) {
			secret := anySecret(p)
			v := mustVerifier(t, name, false, secret)
			r := signed(t, p, secret)
			for i := range r.Body {
				r.Body[i] ^= 1
				if check(v, r) == "" {
					t.Fatalf("byte %d of the body may change", i)
				}
				r.Body[i] ^= 1
			}
			header := p.schemes[0].header
			value := r.Header.Get(header)
			for i := range value {
				changed := []byte(value)
				changed[i] ^= 1
				r.Header.Set(header, string(changed))
				if check(v, r) == "" {
					t.Errorf("%s: byte %d may change", header, i)
				}
			}
			r.Header[header] = []string{value, value}
			if reason := check(v, r); reason != Duplicate {
				t.Errorf("the header twice: %q", reason)
			}
			r.Header.Set(header, value)
			if c := p.schemes[0].clock; c != nil {
				for _, away := range []int64{-c.tolerance - 1, c.tolerance + 1} {
					r.Now = time.Unix(1764000000+away, 0)
					if reason := check(v, r); reason != Stale {
						t.Errorf("%d s away: %q", away, reason)
					}
				}
			}
		})
	}
}

// Whatever arrives, nothing panics, and nobody is let in without the secret.
func FuzzProviders(f *testing.F) {
	for i, p := range table {
		secret := anySecret(p)
		r := p.Sample(address, "d", time.Unix(1764000000, 0))
		if p.Sign(secret, r) == nil {
			f.Add(uint8(i), r.Header.Get(p.schemes[0].header), "1764000000", "application/json", "", r.Body)
		}
	}
	f.Add(uint8(0), "t=1,v1=,v1=", "2026-01-01T00:00:00Z", "application/x-www-form-urlencoded", "bodySHA256=x&hub.mode=a", []byte("payload=%7B%7D"))
	f.Fuzz(func(t *testing.T, n uint8, credential, stamp, contentType, query string, body []byte) {
		p := table[int(n)%len(table)]
		secret := freshSecret(p)
		v, err := p.NewVerifier([]string{secret}, false)
		if err != nil {
			return // not of this provider's form
		}
		r := &provider.Request{
			Method: http.MethodPost, URL: address + "?" + query, Body: body, Now: time.Unix(1764000000, 0),
			Header: http.Header{"Content-Type": {contentType}},
		}
		for _, name := range p.reserved {
			r.Header[name] = []string{stamp}
		}
		for _, name := range p.credentials {
			r.Header[name] = []string{credential}
		}
		if check(v, r) == "" {
			t.Errorf("%s took %q", p.name, credential)
		}
		v.Handshake(r, jsondoc.New(r.Body), false, func(string) bool { return true })
		v.Handshake(r, jsondoc.New(r.Body), true, nil)
		if m, err := readMessage(p, r.Header, jsondoc.New(body)); err == nil {
			for name := range m.Names() {
				if !isName(name) && len(name) <= maxName {
					t.Errorf("name %q", name)
				}
			}
		}
	})
}

// freshSecret returns a secret that no seed and no input can know.
func freshSecret(p *Provider) string {
	secret := []byte(anySecret(p))
	for i := 8; i < min(len(secret), 24); i++ {
		if '0' <= secret[i] && secret[i] <= '9' {
			secret[i] = byte('0' + rand.IntN(10))
		}
	}
	if text := string(secret) + strings.Repeat("k", 1+rand.IntN(3)); p.CheckSecret(text) == nil {
		return text + string(rune('a'+rand.IntN(26))) + strings.ToLower(time.Now().Format("150405.000000"))
	}
	return string(secret)
}

// BenchmarkProviders verifies and reads an event of 1 KB of each sender that
// signs with a HMAC, as the gate does for a filter on the event's type.
func BenchmarkProviders(b *testing.B) {
	for _, row := range Senders() {
		if !strings.HasPrefix(string(row.Schemes[0].Algorithm), "hmac") {
			continue
		}
		p := mustLookup(b, row.Name)
		secret := anySecret(p)
		v := mustVerifier(b, row.Name, false, secret)
		r := p.Sample(address, "d-1", time.Unix(1764000000, 0))
		padding := []byte(`"x":"` + strings.Repeat("x", max(0, 1016-len(r.Body))) + `"}`)
		end := bytes.LastIndexByte(r.Body, '}')
		r.Body = slices.Concat(r.Body[:end], []byte(","), padding, r.Body[end+1:])
		if err := p.Sign(secret, r); err != nil {
			continue
		}
		b.Run(row.Name, func(b *testing.B) {
			b.ReportAllocs()
			var m Message // of a visit, as the claim
			var claim Claim
			var reason Reason
			for b.Loop() {
				body := jsondoc.New(r.Body)
				claim, reason = v.Precheck(r.Header, r.Now)
				claim.URL = r.URL
				if reason == "" {
					reason = claim.verify(body)
				}
				if reason != "" {
					b.Fatal(reason)
				}
				if _, err := m.Read(p, r.Header, body, &claim, everything{}); err != nil {
					b.Fatal(err)
				}
				for range m.Names() {
					break
				}
			}
		})
	}
}

func BenchmarkVerify(b *testing.B) {
	body := []byte(strings.Repeat("x", 1024))
	v := mustVerifier(b, "github", true, "It's a Secret to Everybody")
	header := http.Header{"X-Hub-Signature-256": {sign256("It's a Secret to Everybody", string(body))}}
	b.ReportAllocs()
	for b.Loop() {
		claim, reason := v.Precheck(header, time.Now())
		if reason != "" || claim.Verify(body) != "" {
			b.Fatal("refused")
		}
	}
}
