package gate

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/internal/credential"
	"github.com/hookgate/hookgate/internal/integration"
	"github.com/hookgate/hookgate/internal/sender"
)

// ed25519Key is a public key, of the first test of RFC 8032, section 7.1.
const ed25519Key = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"

func TestSample(t *testing.T) {
	auth := func(a integration.Authentication) func(*integration.Integration) {
		return func(it *integration.Integration) { it.Authentication = a }
	}
	header := &credential.SecureHeader{Name: "X-Secure", Value: credential.NewSecret("h")}
	basic := &credential.Basic{Username: "u", Password: credential.NewSecret("p w")}
	bearer := &credential.Bearer{Tokens: secrets("t")}
	discord := &credential.Signature{Provider: "discord", Secrets: secrets(ed25519Key)}
	const unstored = "none"
	tests := []struct {
		name   string
		change func(*integration.Integration)
		status int
		kind   string // the stored event's type
		fails  bool
	}{
		{"github", nil, 202, "push", false},
		{"filtered", func(it *integration.Integration) { it.EventFilter = []string{"release"} }, 200, unstored, false},
		{"disabled", func(it *integration.Integration) { it.IsEnabled = false }, 404, unstored, false},
		{"secure header", auth(integration.Authentication{Credentials: credential.NewSet(header), Match: integration.MatchAny}), 202, "", false},
		{"basic", auth(integration.Authentication{Credentials: credential.NewSet(basic), Match: integration.MatchAny}), 202, "", false},
		{"bearer", auth(integration.Authentication{Credentials: credential.NewSet(bearer), Match: integration.MatchAny}), 202, "", false},
		{"all", auth(integration.Authentication{Credentials: credential.NewSet(header, bearer, &credential.Signature{Provider: "gitea", Secrets: secrets("s")}), Match: integration.MatchAll}), 202, "push", false},
		{"twilio, which signs the address", auth(integration.Authentication{Credentials: credential.NewSet(&credential.Signature{Provider: "twilio", Secrets: secrets("s")}), Match: integration.MatchAny}), 204, "", false},
		{"a word beside the secret", auth(integration.Authentication{Credentials: credential.NewSet(&credential.Signature{Provider: "meta", Secrets: secrets("verify:w", "s")}), Match: integration.MatchAny}), 200, "whatsapp_business_account", false},
		{"only the sender signs", auth(integration.Authentication{Credentials: credential.NewSet(discord), Match: integration.MatchAny}), 0, "", true},
		{"another credential does", auth(integration.Authentication{Credentials: credential.NewSet(discord, bearer), Match: integration.MatchAny}), 204, "APPLICATION_AUTHORIZED", false},
		{"another credential is not enough", auth(integration.Authentication{Credentials: credential.NewSet(discord, bearer), Match: integration.MatchAll}), 0, "", true},
		{"a signature is required", auth(integration.Authentication{Credentials: credential.NewSet(discord, bearer), Match: integration.MatchAny, RequireSHA256Signature: true}), 0, "", true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			it := github()
			if test.change != nil {
				test.change(it)
			}
			b := newBackend(t, it)
			got, err := Sample(t.Context(), b.config(), publicURL, "hook")
			if test.fails {
				if !errors.Is(err, sender.ErrSenderSigns) || b.log.count() != 0 {
					t.Errorf("%v, %d events", err, b.log.count())
				}
				return
			}
			if err != nil || got.StatusCode != test.status || json.Valid(got.Body) == (test.status == 204) {
				t.Fatalf("%d %s, %v, want %d", got.StatusCode, got.Body, err, test.status)
			}
			if test.kind == unstored {
				if got.EventID != "" || b.log.count() != 0 {
					t.Errorf("it was stored as %s", got.EventID)
				}
				return
			}
			event := b.log.last(t)
			if event.ID.String() != got.EventID || event.Type != test.kind {
				t.Errorf("the event %s is a %q, want %s and %q", event.ID, event.Type, got.EventID, test.kind)
			}
			if b.flight.Used() != 0 {
				t.Errorf("%d bytes in flight were not given back", b.flight.Used())
			}
		})
	}
}

// Each sample is an event of its own, and there is none for what is not there.
func TestSampleTwice(t *testing.T) {
	b := newBackend(t, github())
	for range 2 {
		if got, err := Sample(t.Context(), b.config(), publicURL, "hook"); err != nil || got.StatusCode != 202 {
			t.Fatalf("%d %s, %v", got.StatusCode, got.Body, err)
		}
	}
	if id := b.log.last(t).DeliveryID; b.log.count() != 2 || !strings.HasPrefix(id, "test-") {
		t.Errorf("%d events, the last is the delivery %q", b.log.count(), id)
	}
	if _, err := Sample(t.Context(), b.config(), publicURL, "other"); !errors.Is(err, integration.ErrNotFound) {
		t.Errorf("another one: %v", err)
	}
	b.lookup = errDown
	if _, err := Sample(t.Context(), b.config(), publicURL, "hook"); !errors.Is(err, errDown) {
		t.Errorf("while nothing can be looked up: %v", err)
	}
}

// Without a public URL the address is the one that the request came to.
func TestSampleWithoutPublicURL(t *testing.T) {
	it := github(func(it *integration.Integration) {
		give(it, &credential.Signature{Provider: "twilio", Secrets: secrets("s")})
		it.Authentication.RequireSHA256Signature = false
	})
	if got, err := Sample(context.Background(), newBackend(t, it).config(), "", "hook"); err != nil || got.StatusCode != 204 || got.EventID == "" {
		t.Errorf("%d %s, %v", got.StatusCode, got.Body, err)
	}
}
