package gate

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/internal/credential"
	"github.com/hookgate/hookgate/internal/credential/credentialtest"
	"github.com/hookgate/hookgate/internal/integration"
	"github.com/hookgate/hookgate/internal/sender"
	"github.com/hookgate/hookgate/module/provider"
)

// withExample is an integration with the credential, and what else its
// authentication has.
func withExample(t *testing.T, e credentialtest.Example, more ...string) *integration.Integration {
	t.Helper()
	facts := func(p *sender.Provider) credential.ProviderFacts {
		return credential.ProviderFacts{SHA256: p.SHA256(), CredentialHeaders: p.CredentialHeaders(), ReservedHeaders: p.ReservedHeaders(), Timed: p.Timed()}
	}
	declaring := integration.Declaring{Rules: integration.Rules{
		Provider: func(name string) (credential.ProviderFacts, bool) {
			p, found := sender.Lookup(name)
			if !found {
				return credential.ProviderFacts{}, false
			}
			return facts(p), true
		},
		Custom: func(d *provider.Description) (credential.ProviderFacts, error) {
			p, err := sender.Compile(d)
			if err != nil {
				return credential.ProviderFacts{}, err
			}
			return facts(p), nil
		},
		Issuer:        func(string) (credential.IssuerFacts, bool) { return credential.IssuerFacts{}, true },
		ResourceTypes: func() []string { return []string{"assistant"} },
		Allow:         func(string, string, string) error { return nil },
	}}
	form := fmt.Sprintf(`{"webhook_id":"hook","project":"demo","resource":{"type":"assistant","id":"a"},"authentication":{%s}}`,
		strings.Join(append(more, fmt.Sprintf("%q:%s", e.Name, e.Form)), ","))
	parsed, err := declaring.Parse([]json.RawMessage{json.RawMessage(form)})
	if err != nil {
		t.Fatal(err)
	}
	return parsed[0]
}

// The edge asks for each kind of credential, knows its secrets, and takes its
// headers away before it passes a request on.
func TestKinds(t *testing.T) {
	credentialtest.Complete(t, credential.Kinds())
	credentialtest.Each(t, func(t *testing.T, e credentialtest.Example) {
		it := withExample(t, e)
		route, err := Compile(it)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(route.strip, e.Headers) {
			t.Errorf("%q are taken away, want %q", route.strip, e.Headers)
		}
		if !slices.Equal(route.secrets, e.Secrets) {
			t.Errorf("%d secrets are known, want %d", len(route.secrets), len(e.Secrets))
		}
		t.Run("asked for", func(t *testing.T) { checkAskedFor(t, e) })
		t.Run("sampled", func(t *testing.T) { checkSampled(t, e) })
	})
}

// other is a credential beside the one that is looked at.
const other = `"bearer":{"tokens":["another-token"]}`

func checkAskedFor(t *testing.T, e credentialtest.Example) {
	if reason := e.Name + "_mismatch"; !slices.Contains(Reasons(), reason) {
		t.Errorf("%s is no reason", reason)
	}
	refused := func(it *integration.Integration, header http.Header, reason string) {
		t.Helper()
		s := serve(t, newBackend(t, it), New(Settings{}))
		if got := s.post(t, "/webhooks/hook", header, push); got.status < 401 {
			t.Errorf("status %d: %s", got.status, got.body)
		}
		if seen := s.lastSeen(t, 1); !strings.HasPrefix(seen.Reason, reason) {
			t.Errorf("the reason is %s, want %s", seen.Reason, reason)
		}
	}
	alone := "credential_missing"
	if e.Name == "source_ips" { // 127.0.0.1 is none of them
		alone = "source_ips_mismatch"
	}
	const weak = `"require_sha256_signature":false`
	refused(withExample(t, e, weak), nil, alone)
	junk := make(http.Header)
	for _, name := range e.Headers {
		junk.Set(name, "junk")
	}
	if len(junk) > 0 {
		refused(withExample(t, e), junk, e.Name)
	}
	if slices.Contains(e.Headers, "Authorization") {
		return // the other one's header
	}
	header := http.Header{"Authorization": {"Bearer another-token"}}
	refused(withExample(t, e, other, `"match":"all"`), header, e.Name)
	if len(junk) > 0 {
		junk.Set("Authorization", header.Get("Authorization"))
		refused(withExample(t, e, other, weak), junk, e.Name)
	}
}

// checkSampled lets a genuine request in, and looks at what is passed on.
func checkSampled(t *testing.T, e credentialtest.Example) {
	b := newBackend(t, withExample(t, e))
	got, err := Sample(t.Context(), b.config(), publicURL, "hook")
	if !e.Sampled {
		if !errors.Is(err, sender.ErrSenderSigns) {
			t.Errorf("a sample is answered %d, %v", got.StatusCode, err)
		}
		return
	}
	if err != nil || got.StatusCode != 202 {
		t.Fatalf("a sample is answered %d, %v", got.StatusCode, err)
	}
	event := b.log.last(t)
	for _, value := range credentialtest.Find[string](event.Header) {
		if slices.Contains(e.Secrets, value) || slices.Contains(e.Headers, value) {
			t.Errorf("%s is stored", value)
		}
	}
	for _, forward := range []bool{false, true} {
		r, client, err := b.routes["hook"].sample(t.Context(), "", time.Now())
		if err != nil {
			t.Fatal(err)
		}
		seen := New(Settings{Inline: true, ForwardCredentials: forward}).Serve(&recorder{header: make(http.Header)}, r, client, b.Acquire)
		seen.Done()
		if !seen.Pass {
			t.Fatalf("it is not passed on: %s", seen.Reason)
		}
		for _, secret := range e.Secrets {
			if uri, err := url.QueryUnescape(r.RequestURI + " " + r.URL.RequestURI()); err != nil || strings.Contains(uri, secret) && !forward {
				t.Errorf("the URI %q has a credential, %v", uri, err)
			}
		}
		for _, name := range e.Headers {
			if sent := name != "X-Hub-Signature"; sent && (r.Header.Get(name) != "") != forward {
				t.Errorf("%s is passed on: %q", name, r.Header.Get(name))
			}
		}
	}
}
