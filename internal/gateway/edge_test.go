package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/internal/admin"
	"github.com/hookgate/hookgate/internal/gate"
	"github.com/hookgate/hookgate/internal/integration"
	"github.com/hookgate/hookgate/internal/polltest"
	"github.com/hookgate/hookgate/module/storage"
)

// call asks the admin API.
func call(t *testing.T, c *Configuration, method, path, body string) (int, string) {
	t.Helper()
	r := httptest.NewRequest(method, "/webhooks/"+path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	w := httptest.NewRecorder()
	l := held(t, c)
	defer l.Release()
	admin.Serve(w, r, l.Admin())
	return w.Code, w.Body.String()
}

// The admin API and the requests of senders see the same integrations.
func TestAdminAndEdge(t *testing.T) {
	b := newBench(t)
	d := newDesk("ticket")
	settings := b.settings(d)
	settings.PublicURL = "https://hooks.example.com/in/"
	c := b.make(settings, form("declared"))
	c.AddSite(Site{Prefix: "/in/"})
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	const all, one = "projects/demo/integrations", "projects/demo/integrations/made"
	made := strings.Replace(string(form("made")), `"project":"demo",`, "", 1)
	if status, text := call(t, c, "POST", all, made); status != http.StatusCreated || !strings.Contains(text, `"https://hooks.example.com/in/made"`) {
		t.Fatalf("%d %s", status, text)
	}
	accept(t, c, "made", "by a sender")
	d.want(t, "by a sender")
	status, text := call(t, c, "POST", one+"/test", "")
	var test struct {
		EventID string `json:"event_id"`
	}
	if err := json.Unmarshal([]byte(text), &test); err != nil || status != http.StatusOK || test.EventID == "" {
		t.Errorf("a test event: %d %s, %v", status, text, err)
	}
	<-d.got
	if status, text := call(t, c, "GET", "integrations", ""); status != http.StatusOK || !strings.Contains(text, `"declared"`) || !strings.Contains(text, `"made"`) {
		t.Errorf("%d %s", status, text)
	}
	if status, text := call(t, c, "GET", "status", ""); status != http.StatusOK || !strings.Contains(text, `"resource_type":"ticket"`) {
		t.Errorf("%d %s", status, text)
	}

	// A change is in force with the answer, and events go with their integration.
	if status, text := call(t, c, "PATCH", one, `{"is_enabled":false}`); status != http.StatusOK {
		t.Errorf("%d %s", status, text)
	}
	if status := post(c, "made", "disabled"); status != http.StatusNotFound {
		t.Errorf("a disabled one answers %d", status)
	}
	if status, text := call(t, c, "PATCH", one, `{"is_enabled":true}`); status != http.StatusOK {
		t.Errorf("%d %s", status, text)
	}
	d.unreached.Store(true)
	accept(t, c, "made", "dropped")
	if status, text := call(t, c, "DELETE", one, ""); status != http.StatusConflict {
		t.Errorf("with a pending event: %d %s", status, text)
	}
	if status, text := call(t, c, "DELETE", one+"?force=true", ""); status != http.StatusNoContent {
		t.Errorf("%d %s", status, text)
	}
	if status := post(c, "made", "deleted"); status != http.StatusNotFound {
		t.Errorf("a deleted one answers %d", status)
	}
	d.unreached.Store(false)
	accept(t, c, "declared", "goes on")
	d.want(t, "goes on")
}

// The first event of an integration marks it as used, for good.
func TestFirstUse(t *testing.T) {
	b := newBench(t)
	c := b.start(b.settings(newDesk("ticket")))
	made := strings.Replace(string(form("made")), `"project":"demo",`, "", 1)
	if status, text := call(t, c, "POST", "projects/demo/integrations", made); status != http.StatusCreated {
		t.Fatalf("%d %s", status, text)
	}
	l := held(t, c)
	defer l.Release()
	unused := func() bool {
		record, err := l.backend.Integrations().Get(t.Context(), "made")
		if err != nil {
			t.Fatal(err)
		}
		return record.Unused
	}
	if !unused() {
		t.Fatal("it is said to be used")
	}
	accept(t, c, "made", "first")
	polltest.Until(t, "it is marked as used", func() bool { return !unused() })
}

// What has not been configured is not invented.
func TestHandedOver(t *testing.T) {
	b := newBench(t)
	c := b.start(b.settings(newDesk("ticket")))
	l := held(t, c)
	defer l.Release()
	if base, public := l.Admin().Base("demo"), l.Admin().PublicURL("demo"); base != gate.DefaultPrefix || public != "" {
		t.Errorf("admins are shown %q, senders %q", base, public)
	}
	if l.Edge().Remote == nil || l.Edge().Remote != l.remote || l.Edge().Flight != l.flight || l.Edge().AllowUnauthenticated {
		t.Errorf("%+v", l.Edge())
	}
}

// A sender brings the secret that an integration waits for.
func TestLearn(t *testing.T) {
	b := newBench(t)
	c := b.start(b.settings(newDesk("ticket")))
	const asana = `{"webhook_id":"made","authentication":{"signature":{"provider":"asana"}},"resource":{"type":"ticket","id":"1"}}`
	if status, text := call(t, c, "POST", "projects/demo/integrations", asana); status != http.StatusCreated {
		t.Fatalf("%d %s", status, text)
	}
	if status, text := call(t, c, "POST", "projects/demo/integrations/made/handshake", ""); status != http.StatusOK && status != http.StatusCreated {
		t.Fatalf("%d %s", status, text)
	}
	edge := held(t, c)
	defer edge.Release()
	route, err := edge.Edge().Integrations.Route(t.Context(), "made")
	if err != nil {
		t.Fatal(err)
	}
	learned, err := edge.Edge().Integrations.Learn(t.Context(), route.Integration, "a secret of sixteen bytes and more", "192.0.2.1")
	if err != nil || !learned {
		t.Errorf("%v, %v", learned, err)
	}
	again, err := edge.Edge().Integrations.Route(t.Context(), "made")
	if err != nil || again == route {
		t.Errorf("the route is the one of before: %v", err)
	}
}

// An integration that has changed elsewhere is read again.
func TestStale(t *testing.T) {
	lookups := 0
	routes := integration.NewCache(func(_ context.Context, webhookID string) (*integration.Integration, error) {
		lookups++
		return &integration.Integration{WebhookID: webhookID}, nil
	}, gate.Compile, integration.CacheLimit)
	stale := false
	b := newBench(t)
	c := b.start(b.settings(newDesk("ticket")))
	l := held(t, c)
	defer l.Release()
	events := refresher{staleEvents{l.backend.Events(), &stale}, routes}
	for n, want := range []int{1, 1, 2, 2} { // how often it is looked up before the append of that number
		if _, _, err := routes.Get(t.Context(), "made"); err != nil || lookups != want {
			t.Fatalf("looked up %d times, want %d: %v", lookups, want, err)
		}
		stale = n == 1
		event := storage.Event{WebhookID: "made", Integration: storage.Identity{1}}
		if _, _, err := events.Append(t.Context(), &event, storage.Dedupe{}); errors.Is(err, storage.ErrStale) != (n == 1) {
			t.Fatalf("append %d: %v", n, err)
		}
	}
}

// staleEvents finds an integration stale, once.
type staleEvents struct {
	storage.Events
	stale *bool
}

func (s staleEvents) Append(ctx context.Context, event *storage.Event, dedupe storage.Dedupe, further ...storage.Resource) (storage.ID, storage.Outcome, error) {
	if *s.stale {
		*s.stale = false
		return storage.ID{}, 0, storage.ErrStale
	}
	return s.Events.Append(ctx, event, dedupe, further...)
}
