package admin

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/internal/integration"
	"github.com/hookgate/hookgate/module/storage"
)

// accept stores an event of an integration.
func (a *api) accept(project, webhookID, delivery string) storage.ID {
	a.Helper()
	in, err := a.Service.Get(a.Context(), a.View, project, webhookID)
	if err != nil {
		a.Fatal(err)
	}
	id, _, err := a.Storage.Events().Append(a.Context(), &storage.Event{
		Integration: in.Identity, WebhookID: webhookID, Project: project, Type: "push", DeliveryID: delivery,
		ResourceType: "ticket", ResourceID: "7",
		Header: http.Header{"X-Github-Event": {"push"}}, Body: []byte("{}\x00\xff"),
	}, storage.Dedupe{})
	if err != nil {
		a.Fatal(err)
	}
	return id
}

// attempt ends an attempt for an event.
func (a *api) attempt(webhookID string, id storage.ID, status storage.Status, try storage.Attempt) {
	a.Helper()
	in, err := a.Service.Lookup(a.Context(), a.View, webhookID)
	if err != nil {
		a.Fatal(err)
	}
	if _, err := a.Storage.Events().Claim(a.Context(), in.Identity, id); err != nil {
		a.Fatal(err)
	}
	if err := a.Storage.Events().Finish(a.Context(), in.Identity, id, try, status, time.Now().Add(time.Hour)); err != nil {
		a.Fatal(err)
	}
}

func TestEvents(t *testing.T) {
	a := newAPI(t)
	a.want(a.do("PUT", hook, github), 201)
	if got := a.want(a.do("GET", hook+"/events", ""), 200); got.text != `{"items":[],"next_cursor":""}`+"\n" {
		t.Errorf("%s", got.text)
	}
	first, second, third := a.accept("demo", "hook", "1"), a.accept("demo", "hook", "2"), a.accept("demo", "hook", "3")
	at := time.Date(2026, 11, 23, 13, 0, 0, 5e6, time.UTC)
	a.attempt("hook", first, storage.Delivered, storage.Attempt{At: at, StatusCode: 200, Duration: 12 * time.Millisecond})
	a.attempt("hook", second, storage.Failed, storage.Attempt{At: at, StatusCode: 400, Error: "status", Detail: "no such desk"})

	ids := func(path string) string {
		var text []string
		cursor := ""
		for {
			got := a.want(a.do("GET", path+"&cursor="+cursor, ""), 200)
			for _, item := range got.json["items"].([]any) {
				text = append(text, item.(map[string]any)["id"].(string))
			}
			if cursor = got.json["next_cursor"].(string); cursor == "" {
				return strings.Join(text, " ")
			}
		}
	}
	all := fmt.Sprint(third, " ", second, " ", first)
	for query, want := range map[string]string{
		"?limit=1": all, "?limit=2": all, "?limit=9": all, "?status=": all,
		"?status=pending": third.String(), "?status=failed&limit=1": second.String(), "?status=delivered&limit=1": first.String(),
	} {
		if got := ids(hook + "/events" + query); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
	one := hook + "/events/" + second.String()
	got := a.want(a.do("GET", one, ""), 200, `"event":"push","delivery_id":"2","status":"failed","held":false`,
		`"attempts":[{"at":"2026-11-23T13:00:00.005Z","status_code":400,"error":"status","detail":"no such desk","duration_ms":0}]`,
		`"headers":{"X-Github-Event":["push"]}`, `"body_base64":"`+base64.StdEncoding.EncodeToString([]byte("{}\x00\xff"))+`"`)
	in, err := a.Service.Get(a.Context(), a.View, "demo", "hook")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Storage.Events().Claim(t.Context(), in.Identity, third); err != nil {
		t.Fatal(err)
	}
	const progress = `{"task":"t","run":{"kind":"task","id":"t","state":"STARTED","until":"2026-11-23T14:00:00Z","usage":{"input_tokens":1,"output_tokens":2,"cost":0.5}}}`
	if err := a.Storage.Events().Save(t.Context(), in.Identity, third, []byte(progress)); err != nil {
		t.Fatal(err)
	}
	a.want(a.do("GET", hook+"/events/"+third.String(), ""), 200,
		`"run":{"kind":"task","id":"t","state":"STARTED","until":"2026-11-23T14:00:00Z","usage":{"input_tokens":1,"output_tokens":2,"cost":0.5}}`)
	if got.json["run"] != nil {
		t.Errorf("run %v", got.json["run"])
	}
	if received, err := time.Parse(time.RFC3339, got.json["received_at"].(string)); err != nil || time.Since(received).Abs() > time.Minute {
		t.Errorf("received_at %v, %v", got.json["received_at"], err)
	}
	if got := a.do("GET", hook+"/events", ""); strings.Contains(got.text, "body_base64") || strings.Contains(got.text, "headers") {
		t.Errorf("%s", got.text)
	}

	a.want(a.do("PATCH", hook, `{"is_enabled":false}`), 200)
	a.want(a.do("GET", hook+"/events?status=pending", ""), 200, `"held":true`)
	a.want(a.do("GET", hook+"/events?status=failed", ""), 200, `"held":false`)

	a.want(a.do("DELETE", hook, ""), 409, "pending")
	a.want(a.do("DELETE", hook+"?force=true", ""), 204)
	a.want(a.do("GET", one, ""), 404)
	a.want(a.do("PUT", hook, github), 201)
	a.want(a.do("GET", one, ""), 404)
}

func TestEventsAreApart(t *testing.T) {
	a := newAPI(t)
	a.want(a.do("PUT", hook, github), 201)
	a.want(a.do("PUT", list+"/two", strings.Replace(github, `"hook"`, `"two"`, 1)), 201)
	id := a.accept("demo", "hook", "1")
	a.accept("demo", "hook", "2")
	cursor := a.do("GET", hook+"/events?limit=1", "").json["next_cursor"].(string)
	other := strings.Replace(hook, "demo", "other", 1)
	for _, path := range []string{other + "/events", other + "/events/" + id.String(), list + "/two/events/" + id.String(),
		hook + "/events/" + strings.Repeat("0", 26), list + "/two/events?cursor=" + cursor, other + "/events?cursor=" + cursor} {
		a.want(a.do("GET", path, ""), 404)
	}
	for _, query := range []string{"status=done", "status=pending&status=failed", "limit=0", "cursor=x",
		"cursor=" + encodeCursor([]string{"events", "demo", "hook"}, []string{"x"})} {
		a.want(a.do("GET", hook+"/events?"+query, ""), 400)
	}
}

func TestDeclaredIsReadOnly(t *testing.T) {
	a := newAPI(t)
	parsed, err := integration.Declaring{Rules: rules()}.Parse([]json.RawMessage{json.RawMessage(strings.Replace(github, `{`, `{"project":"demo",`, 1))})
	if err != nil {
		t.Fatal(err)
	}
	if a.View.Declared, err = a.Service.Declare(t.Context(), parsed); err != nil {
		t.Fatal(err)
	}
	a.want(a.do("GET", hook, ""), 200, `"managed_by":"config"`)
	a.want(a.do("GET", list, ""), 200, `"webhook_id":"hook"`)
	a.want(a.do("POST", list, github), 409)
	a.want(a.do("PUT", hook, github), 409)
	a.want(a.do("PATCH", hook, `{"alias":"x"}`), 409)
	a.want(a.do("DELETE", hook+"?force=true", ""), 409)
	a.want(a.do("GET", strings.Replace(hook, "demo", "other", 1), ""), 404)
}

// broken fails every call with an error.
type broken struct {
	storage.Integrations
	err error
}

func (b broken) Get(context.Context, string) (storage.Integration, error) {
	return storage.Integration{}, b.err
}

// damagedEvents has one event whose record cannot be read.
type damagedEvents struct {
	storage.Events
	id storage.ID
}

func (d damagedEvents) Get(ctx context.Context, identity storage.Identity, id storage.ID) (*storage.Record, error) {
	if id == d.id {
		return nil, fmt.Errorf("CANARY: %w", storage.ErrCorrupt)
	}
	return d.Events.Get(ctx, identity, id)
}

func (d damagedEvents) Open(ctx context.Context, identity storage.Identity, id storage.ID) (*storage.Record, storage.Body, error) {
	if id == d.id {
		return nil, nil, fmt.Errorf("CANARY: %w", storage.ErrCorrupt)
	}
	return d.Events.Open(ctx, identity, id)
}

func (d damagedEvents) Replay(ctx context.Context, identity storage.Identity, id storage.ID, replay storage.Replay) (storage.ID, error) {
	if id == d.id {
		return storage.ID{}, fmt.Errorf("CANARY: %w", storage.ErrCorrupt)
	}
	return d.Events.Replay(ctx, identity, id, replay)
}

// A damaged event is shown as far as it is known, and cannot be replayed.
func TestDamagedEvent(t *testing.T) {
	a := newAPI(t)
	a.want(a.do("PUT", hook, github), 201)
	before, id, after := a.accept("demo", "hook", "1"), a.accept("demo", "hook", "2"), a.accept("demo", "hook", "3")
	for _, event := range []storage.ID{before, id, after} {
		a.attempt("hook", event, storage.Failed, storage.Attempt{At: time.Now(), Error: "status"})
	}
	b := a.Storage.(backend)
	a.Storage = backend{b.integrations, damagedEvents{b.events, id}}
	for _, whole := range []storage.ID{before, after} {
		if got := a.want(a.do("GET", hook+"/events/"+whole.String(), ""), 200); strings.Contains(got.text, "damaged") {
			t.Error(got.text)
		}
	}
	one := hook + "/events/" + id.String()
	a.want(a.do("GET", one, ""), 200, `"id":"`+id.String()+`"`, `"delivery_id":"2","status":"failed"`,
		`"damaged":true,"headers":null,"body_base64":null`)
	if got := a.want(a.do("POST", one+"/replay", ""), 409, "damaged"); strings.Contains(got.text, "CANARY") {
		t.Error(got.text)
	}
	if n := a.logs.FilterMessage("an event is damaged").Len(); n != 2 {
		t.Errorf("logged %d times", n)
	}
	gone := storage.ID{1}
	a.Storage = backend{b.integrations, damagedEvents{b.events, gone}}
	a.want(a.do("GET", hook+"/events/"+gone.String(), ""), 404)
}

func TestSuccessor(t *testing.T) {
	last := storage.ID(bytes.Repeat([]byte{255}, 16))
	for id, want := range map[storage.ID]storage.ID{{}: {15: 1}, {15: 255}: {14: 1}, {14: 1, 15: 255}: {14: 2}, last: {}} {
		if got := successor(id); got != want {
			t.Errorf("%x: %x, want %x", id, got, want)
		}
	}
}

// A limit that is reached is named.
func TestLimitReached(t *testing.T) {
	status, text := explain(fmt.Errorf("replaying: %w", &storage.LimitError{Limit: storage.LimitBacklog}))
	if status != 503 || text != "the limit backlog is reached" {
		t.Errorf("%d %q", status, text)
	}
}

func TestFaults(t *testing.T) {
	for status, err := range map[int]error{503: storage.ErrUnavailable, 500: storage.ErrCorrupt, 409: storage.ErrConflict} {
		a := newAPI(t)
		a.Service = integration.NewService(broken{err: fmt.Errorf("CANARY: %w", err)}, a.Storage.Events())
		got := a.want(a.do("GET", hook, ""), status)
		if strings.Contains(got.text, "CANARY") {
			t.Errorf("%s", got.text)
		}
		if logged := a.logs.FilterMessage("answering an admin request").Len(); (status >= 500) != (logged == 1) {
			t.Errorf("%d: logged %d times", status, logged)
		}
		if (status == 503) != (got.header.Get("Retry-After") != "") {
			t.Errorf("%d: Retry-After %q", status, got.header.Get("Retry-After"))
		}
	}
	if status, _ := explain(errors.New("x")); status != 500 {
		t.Error(status)
	}
}
