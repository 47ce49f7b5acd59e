package gate

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/hookgate/hookgate/internal/credential"
	"github.com/hookgate/hookgate/internal/integration"
	"github.com/hookgate/hookgate/internal/sender"
	"github.com/hookgate/hookgate/module/provider"
)

// sending is a request as its sender signs it.
type sending struct {
	body   string
	header []string // more than the sender's own
	after  []string // set when it is signed already
}

func (s sending) signedBy(t *testing.T, name, key string) (http.Header, string) {
	t.Helper()
	p, _ := sender.Lookup(name)
	header := http.Header{"Content-Type": {"application/json"}}
	set := func(pairs []string) {
		for i := 0; i < len(pairs); i += 2 {
			header.Set(pairs[i], pairs[i+1])
		}
	}
	set(s.header)
	r := &provider.Request{Method: "POST", URL: "https://hooks.example.com/webhooks/hook", Header: header, Body: []byte(s.body), Now: time.Now()}
	if err := p.Sign(key, r); err != nil {
		t.Fatal(err)
	}
	set(s.after)
	return header, string(r.Body)
}

// What is signed decides what is a copy: an ID that stands in it does alone, and of
// the body only that counts.
func TestCopies(t *testing.T) {
	const form = "application/x-www-form-urlencoded"
	const whsec = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	graph := func(more string) string { return `{"value":[{"id":"n-1","changeType":"created"` + more + `}]}` }
	json := `{"action":"opened"}`
	escaped := "payload=" + url.QueryEscape(json)
	tests := []struct {
		name, provider string
		mode           integration.Dedupe
		first, second  sending
		copy           bool
	}{
		{"a counter in the body", "notion", "", sending{body: `{"id":"e-1","type":"page.created","attempt_number":1}`}, sending{body: `{"id":"e-1","type":"page.created","attempt_number":2}`}, true},
		{"another event", "notion", "", sending{body: `{"id":"e-1","type":"page.created"}`}, sending{body: `{"id":"e-2","type":"page.created"}`}, false},
		{"another type", "notion", "", sending{body: `{"id":"e-1","type":"page.created"}`}, sending{body: `{"id":"e-1","type":"page.deleted"}`}, false},
		{"by the bytes", "notion", integration.DedupeBody, sending{body: `{"id":"e-1","attempt_number":1}`}, sending{body: `{"id":"e-1","attempt_number":2}`}, false},
		{"intercom", "intercom", "", sending{body: `{"id":"notif_1","topic":"t","delivery_attempts":1}`}, sending{body: `{"id":"notif_1","topic":"t","delivery_attempts":2}`}, true},
		{"stripe", "stripe", "", sending{body: `{"id":"evt_1","type":"t","pending_webhooks":2}`}, sending{body: `{"id":"evt_1","type":"t","pending_webhooks":1}`}, true},
		{"an ID in a signed header", "gitlab-signing", "", sending{`{"a":1}`, []string{"webhook-id", "w-1", "X-Gitlab-Event", "Push Hook"}, nil}, sending{`{"a":2}`, []string{"webhook-id", "w-1", "X-Gitlab-Event", "Push Hook"}, nil}, true},
		{"and another one, which is not", "svix", "", sending{`{"type":"t"}`, []string{"svix-id", "w-1"}, nil}, sending{`{"type":"t"}`, []string{"svix-id", "w-1"}, []string{"webhook-id", "w-2"}}, true},
		{"an ID in no signature", "github", "", sending{`{"a":1}`, []string{"X-GitHub-Delivery", "d-1", "X-GitHub-Event", "push"}, nil}, sending{`{"a":2}`, []string{"X-GitHub-Delivery", "d-1", "X-GitHub-Event", "push"}, nil}, false},
		{"another type in a header", "github", "", sending{`{"a":1}`, []string{"X-GitHub-Delivery", "d-1", "X-GitHub-Event", "issues"}, nil}, sending{`{"a":1}`, []string{"X-GitHub-Delivery", "d-1", "X-GitHub-Event", "push"}, nil}, false},
		{"a token signs nothing", "datadog", "", sending{body: `{"id":"d-1","event_type":"t","n":1}`}, sending{body: `{"id":"d-1","event_type":"t","n":2}`}, false},
		{"as one form or another", "gitea", "", sending{json, []string{"X-Gitea-Delivery", "d-1", "X-Gitea-Event", "push"}, nil}, sending{escaped, []string{"X-Gitea-Delivery", "d-1", "X-Gitea-Event", "push", "Content-Type", form}, nil}, true},
		{"escaped in another way", "gitea", integration.DedupeBody, sending{escaped, []string{"Content-Type", form}, nil}, sending{"payload=%7B%22action%22:%22%6Fpened%22}", []string{"Content-Type", form}, nil}, true},
		{"under another content type", "github", integration.DedupeBody, sending{escaped, []string{"Content-Type", form}, nil}, sending{escaped, []string{"Content-Type", "text/plain"}, nil}, true},
		{"under another content type and type", "github", integration.DedupeBody, sending{escaped, []string{"Content-Type", form, "X-GitHub-Event", "a"}, nil}, sending{escaped, []string{"Content-Type", "text/plain", "X-GitHub-Event", "b"}, nil}, true},
		{"in another order", "twilio", integration.DedupeBody, sending{"From=1&Body=2", []string{"Content-Type", form}, nil}, sending{"Body=2&From=1", []string{"Content-Type", form}, nil}, true},
		{"with another border", "twilio", integration.DedupeBody, sending{"From=1&Body=2", []string{"Content-Type", form}, nil}, sending{"Bod=y2&From=1", []string{"Content-Type", form}, nil}, true},
		{"another parameter", "twilio", integration.DedupeBody, sending{"From=1&Body=2", []string{"Content-Type", form}, nil}, sending{"From=1&Body=3", []string{"Content-Type", form}, nil}, false},
		{"attempts", "hubspot", "", sending{body: `[{"eventId":1,"subscriptionType":"a","attemptNumber":0},{"eventId":2,"subscriptionType":"a","attemptNumber":0}]`}, sending{body: `[{"eventId":1,"subscriptionType":"a","attemptNumber":1},{"eventId":2,"subscriptionType":"a","attemptNumber":3}]`}, true},
		{"an ID that is not one event's", "hubspot", "", sending{body: `[{"eventId":1,"subscriptionType":"a","objectId":7}]`}, sending{body: `[{"eventId":1,"subscriptionType":"a","objectId":8}]`}, false},
		{"a time of the attempt", "linear", "", sending{fmt.Sprintf(`{"type":"Issue","webhookTimestamp":%d}`, time.Now().UnixMilli()), []string{"Linear-Delivery", "d-1"}, nil}, sending{fmt.Sprintf(`{"type":"Issue","webhookTimestamp":%d}`, time.Now().UnixMilli()-9), []string{"Linear-Delivery", "d-1"}, nil}, true},
		{"several events", "msgraph", "", sending{body: graph("")}, sending{body: graph(`,"resource":"x"`)}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			key := theSecret
			if test.provider == "gitlab-signing" || test.provider == "svix" {
				key = whsec
			}
			b := newBackend(t, github(by(test.provider, key), func(it *integration.Integration) {
				if test.mode != "" {
					it.Dedupe = test.mode
				}
			}))
			s := serve(t, b, New(Settings{}))
			for _, one := range []sending{test.first, test.second} {
				header, body := one.signedBy(t, test.provider, key)
				if got := s.post(t, "/webhooks/hook", header, body); got.status/100 != 2 {
					t.Fatalf("%d %s", got.status, got.body)
				}
			}
			if n := b.log.count(); (n == 1) != test.copy {
				t.Errorf("%d events", n)
			}
		})
	}
}

// With no signature an ID in the body proves nothing.
func TestCopiesWithoutASignature(t *testing.T) {
	b := newBackend(t, github(by("notion", theSecret), func(it *integration.Integration) {
		give(it, &credential.SecureHeader{Name: "X-Secure", Value: credential.NewSecret("h")})
		it.Authentication.RequireSHA256Signature = false
	}))
	s := serve(t, b, New(Settings{}))
	for n := range 2 {
		s.post(t, "/webhooks/hook", http.Header{"X-Secure": {"h"}}, fmt.Sprintf(`{"id":"e-1","type":"page.created","n":%d}`, n))
	}
	if n := b.log.count(); n != 2 {
		t.Errorf("%d events", n)
	}
}

// A copy of an event that an earlier version has accepted is one still.
func TestCopiesOfBefore(t *testing.T) {
	for name, one := range map[string]sending{
		"github": {`{"a":1}`, []string{"X-GitHub-Delivery", "d-1", "X-GitHub-Event", "push"}, nil},
		"notion": {body: `{"id":"d-1","type":"page.created"}`},
		"stripe": {body: `{"id":"d-1","type":"t"}`},
	} {
		b := newBackend(t, github(by(name, theSecret)))
		header, body := one.signedBy(t, name, theSecret)
		v := newVisit()
		b.log.byKey = map[string]*kept{string(github().Identity[:]) + string(v.hashBody(nil, "d-1", []byte(body))): {}}
		if got := serve(t, b, New(Settings{})).post(t, "/webhooks/hook", header, body); got.status != 200 || b.log.count() != 0 {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
}
