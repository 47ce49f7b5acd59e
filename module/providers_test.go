package module

import (
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/hookgate/hookgate/internal/sender"
	"github.com/hookgate/hookgate/module/provider"
)

func init() { caddy.RegisterModule(tinyDesk{}) }

// tinyDesk is a third party's provider: its own code is the verifier.
type tinyDesk struct{}

func (tinyDesk) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "webhooks.providers.tiny-desk", New: func() caddy.Module { return new(tinyDesk) }}
}

func (tinyDesk) Description() provider.Description {
	return provider.Description{
		Name: "tiny-desk",
		Schemes: []provider.Scheme{{
			Header: "X-Tiny-Proof", Algorithm: provider.HMACSHA256,
			NewVerifier: func(secrets []string) (provider.Verifier, error) { return tinyProof(secrets[0]), nil },
		}},
		Event: []provider.Place{{Header: "X-Tiny-Event"}},
	}
}

// tinyProof is the secret whose header is a proof, as far as a test needs one.
type tinyProof string

func (p tinyProof) Verify(r *provider.Request) provider.Reason {
	if r.Header.Get("X-Tiny-Proof") != string(p)+"/"+string(r.Body) {
		return provider.Mismatch
	}
	return ""
}

// A module in the namespace is a provider like the built-in ones.
func TestInstalledProvider(t *testing.T) {
	if err := installProviders(); err != nil {
		t.Fatal(err)
	}
	p, found := sender.Lookup("tiny-desk")
	if !found || !p.SHA256() || p.CredentialHeaders()[0] != "X-Tiny-Proof" {
		t.Fatalf("%v %v", p, found)
	}
	v, err := p.NewVerifier([]string{"s"}, true)
	if err != nil {
		t.Fatal(err)
	}
	for proof, want := range map[string]provider.Reason{"s/body": "", "t/body": provider.Mismatch} {
		r := p.Sample("https://hooks.example.com/webhooks/x", "", time.Unix(1764000000, 0))
		r.Header.Set("X-Tiny-Proof", proof)
		claim, reason := v.Precheck(r.Header, r.Now)
		if reason == "" {
			reason = claim.Verify([]byte("body"))
		}
		if reason != want {
			t.Errorf("%s: %q, want %q", proof, reason, want)
		}
		if sender.Guess(r.Header) != p {
			t.Error("its event header tells nothing")
		}
	}
	d := tinyDesk{}.Description()
	for _, name := range []string{"tiny-desk", "github", "custom", "No Name"} {
		d.Name = name
		if sender.Install(&d) == nil {
			t.Errorf("a second %s was installed", name)
		}
	}
}
