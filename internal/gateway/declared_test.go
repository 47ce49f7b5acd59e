package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"go.uber.org/zap"

	"github.com/hookgate/hookgate/internal/dispatch"
	"github.com/hookgate/hookgate/internal/jwt"
	"github.com/hookgate/hookgate/internal/polltest"
	"github.com/hookgate/hookgate/internal/sender"
	"github.com/hookgate/hookgate/module/provider"
	"github.com/hookgate/hookgate/module/storage"
	"github.com/hookgate/hookgate/module/trigger"
)

// The events of an integration whose declaration is removed wait for it.
func TestDeclarationIsRemoved(t *testing.T) {
	b := newBench(t)
	d := newDesk("ticket")
	d.unreached.Store(true)
	c := b.start(b.settings(d), form("hook"), form("other"))
	accept(t, c, "hook", "waits")
	next := b.start(b.settings(d), form("other"))
	end(t, c)
	if status := post(next, "hook", "unknown"); status != http.StatusNotFound {
		t.Errorf("what is not declared any more answers %d", status)
	}
	const told = "events wait for an integration that this configuration no longer declares"
	polltest.Until(t, "the log tells of them", func() bool { return b.told(told) > 0 })
	d.unreached.Store(false)
	accept(t, next, "other", "goes on")
	d.want(t, "goes on")
	if n := b.told(told); n != 1 {
		t.Errorf("the log tells %d times of them", n)
	}
	d.none(t)

	// Another integration of that webhook ID has nothing to do with them.
	end(t, next)
	next = b.start(b.settings(d), json.RawMessage(strings.Replace(string(form("hook")), `"demo"`, `"else"`, 1)))
	if status := post(next, "hook", "mine"); status != http.StatusAccepted && status != http.StatusNotFound {
		t.Errorf("answered with %d", status)
	}
	end(t, next)

	b.start(b.settings(d), form("hook"))
	d.want(t, "waits")
}

// What the dispatcher is told of the integration of a pending event.
func TestIntegrationOfAnEvent(t *testing.T) {
	b := newBench(t)
	b.drive.wrap = func(o *opened) { o.integrations = brokenGet{o.integrations} }
	c := b.start(b.settings(newDesk("ticket")), form("hook"), form("off", `,"is_enabled":false`), form("shaped", `,"payload":{"fields":{"m":"m"}}`))
	l := held(t, c)
	defer l.Release()
	plan := c.plan(l.engine)
	identity := func(webhookID string) storage.Identity { return c.routes[webhookID].Integration.Identity }
	other := storage.Identity{1}
	event := storage.Event{Integration: other, WebhookID: "unknown", Project: "demo", ResourceType: "ticket", ResourceID: "1"}
	if _, _, err := l.backend.Events().Append(t.Context(), &event, storage.Dedupe{}); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		webhookID string
		identity  storage.Identity
		want      dispatch.IntegrationState
	}{
		{"hook", identity("hook"), dispatch.Enabled},
		{"off", identity("off"), dispatch.Disabled},
		{"hook", other, dispatch.Disabled}, // nothing says that it was dropped
		{"unknown", other, dispatch.Disabled},
		{"broken", other, dispatch.Unknown},
	} {
		if got := plan.Integration(test.webhookID, test.identity); got != test.want {
			t.Errorf("%s: %v, want %v", test.webhookID, got, test.want)
		}
	}
	plan.Integration("hook", other)
	warned := b.logs.FilterMessage("events wait for an integration that this configuration no longer declares").FilterField(zap.String("webhook_id", "hook"))
	if warned.Len() != 1 {
		t.Errorf("the log tells %d times of an integration", warned.Len())
	}
	if err := l.backend.Events().Drop(t.Context(), other, true); err != nil {
		t.Fatal(err)
	}
	if got := plan.Integration("hook", other); got != dispatch.Deleted {
		t.Errorf("a dropped one: %v", got)
	}

	shaped, err := plan.Shape("shaped")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := shaped(&trigger.Event{Body: []byte(`{"n":1,"m":2}`)}); err != nil || string(got.Body) != `{"m":2}` {
		t.Errorf("shaped to %v, %v", got, err)
	}
	for webhookID, want := range map[string]error{"hook": nil, "unknown": storage.ErrNotFound, "broken": errBroken} {
		if shape, err := plan.Shape(webhookID); !errors.Is(err, want) || shape != nil {
			t.Errorf("the shape of %s: %v, %v", webhookID, shape, err)
		}
	}
}

var errBroken = errors.New("broken")

// brokenGet cannot read the integration broken.
type brokenGet struct{ storage.Integrations }

func (b brokenGet) Get(ctx context.Context, webhookID string) (storage.Integration, error) {
	if webhookID == "broken" {
		return storage.Integration{}, errBroken
	}
	return b.Integrations.Get(ctx, webhookID)
}

// Secrets are expanded, and what is odd is told, with the place where it stands.
func TestDeclare(t *testing.T) {
	b := newBench(t)
	c, err := New(b.pool, b.settings(newDesk("ticket")))
	if err != nil {
		t.Fatal(err)
	}
	var expanded []string
	declaration := Declaration{
		Forms: []json.RawMessage{form("hook"), json.RawMessage(`{"webhook_id":"odd","project":"demo","event_filter":["push"],
			"authentication":{"secure_header":{"name":"X-Key","value":"key"}}}`)},
		Expand: func(webhookID, line, field, text string) (string, error) {
			expanded = append(expanded, webhookID+" "+line+" "+field+" "+text)
			return text + text, nil
		},
		Place: func(webhookID, field string) string { return webhookID + ":" + field },
	}
	if err := c.Declare(declaration); err != nil {
		t.Fatal(err)
	}
	const field = "authentication.secure_header.value"
	if !slices.Contains(expanded, "hook hook:"+field+" "+field+" key") {
		t.Errorf("expanded %q", expanded)
	}
	for _, secret := range c.parsed[0].Authentication.Credentials.Secrets() {
		if got := secret.Reveal(); got != "keykey" {
			t.Errorf("the secret is %q", got)
		}
	}
	fields := map[string]any{}
	for _, entry := range b.logs.FilterMessage("an integration has a setting that is probably a mistake").All() {
		values := entry.ContextMap()
		fields[values["field"].(string)] = values["line"]
	}
	if len(fields) == 0 || fields["resource"] != nil {
		t.Errorf("warned of %v", fields)
	}
	for name, line := range fields {
		if line != "odd:"+name {
			t.Errorf("%s stands at %v", name, line)
		}
	}

	broken := errors.New("no such file")
	declaration.Expand = func(_, _, _, _ string) (string, error) { return "", broken }
	if err := c.Declare(declaration); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Error(err)
	}
	refusing := newDesk("ticket")
	refusing.refuses = errors.New("not this one")
	settings := b.settings(refusing)
	declaration.Expand = plainly
	if c, err = New(b.pool, settings); err != nil {
		t.Fatal(err)
	}
	if err := c.Declare(declaration); err == nil || !strings.Contains(err.Error(), "not this one") {
		t.Error(err)
	}
	if err := c.allow("demo", "run", "1"); err == nil {
		t.Error("what no trigger serves is allowed")
	}
}

// What the admin API has made under a declared webhook ID is not served.
func TestShadowed(t *testing.T) {
	b := newBench(t)
	d := newDesk("ticket")
	c := b.start(b.settings(d))
	l := held(t, c)
	made := strings.Replace(string(form("hook")), `"project":"demo",`, "", 1)
	made = strings.Replace(made, `"value":"key"`, `"value":"other"`, 1)
	if _, err := l.service.Create(t.Context(), c.view(), "demo", []byte(made)); err != nil {
		t.Fatal(err)
	}
	l.Release()
	if status := post(c, "hook", "made"); status != http.StatusUnauthorized {
		t.Errorf("answered with %d", status)
	}
	c = b.start(b.settings(d), form("hook"))
	accept(t, c, "hook", "declared")
	d.want(t, "declared")
	if b.told("an integration created over the admin API is not served: a declared one with the same webhook ID shadows it") != 1 {
		t.Error("the log does not tell of it")
	}
}

// The rules know senders, issuers and triggers.
func TestRules(t *testing.T) {
	b := newBench(t)
	settings := b.settings(newDesk("ticket", "run"), newDesk("page"))
	settings.AllowUnauthenticated = true
	settings.Issuers = []jwt.Settings{{Name: "acme", Issuer: "https://acme.example"}}
	c := b.make(settings)
	rules := c.rules()
	if got := rules.ResourceTypes(); !slices.Equal(got, []string{"page", "run", "ticket"}) {
		t.Errorf("resource types %v", got)
	}
	if got := rules.Issuers(); !slices.Equal(got, []string{"acme", "google"}) {
		t.Errorf("issuers %v", got)
	}
	if got := c.Sources(); !slices.Contains(got, "acme") || !slices.Contains(got, "google") || len(got) != len(sender.Sources())+2 {
		t.Errorf("sources %v", got)
	}
	for name, want := range map[string][2]bool{"google": {true, true}, "acme": {true, false}, "other": {}} {
		if facts, found := rules.Issuer(name); found != want[0] || facts.SignsForAll != want[1] {
			t.Errorf("issuer %s: %v, %v", name, facts, found)
		}
	}
	if !rules.AllowUnauthenticated || len(rules.EventHeaders) == 0 || len(rules.Providers()) == 0 {
		t.Errorf("%+v", rules)
	}
	if facts, found := rules.Provider("github"); !found || !facts.SHA256 || !facts.NamesEvents || facts.Timed || facts.CredentialHeaders[0] != "X-Hub-Signature-256" || facts.CheckSecret == nil {
		t.Errorf("github: %+v, %v", facts, found)
	}
	if _, found := rules.Provider("nobody"); found {
		t.Error("nobody is a provider")
	}
	custom := provider.Description{Name: "custom", Schemes: []provider.Scheme{{Header: "X-Proof", Algorithm: provider.HMACSHA256, Signed: "{body}"}}}
	if facts, err := rules.Custom(&custom); err != nil || facts.CredentialHeaders[0] != "X-Proof" || !facts.SHA256 {
		t.Errorf("%+v, %v", facts, err)
	}
	custom.Schemes[0].Algorithm = "none"
	if _, err := rules.Custom(&custom); err == nil {
		t.Error("no algorithm is one")
	}
}
