package admin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/internal/integration"
	"github.com/hookgate/hookgate/module/storage"
)

var noAttempt = storage.Attempt{StatusCode: 400, Error: "status"}

// record reads an event from the storage.
func (a *api) record(webhookID string, id storage.ID) *storage.Record {
	a.Helper()
	in, err := a.Service.Lookup(a.Context(), a.View, webhookID)
	if err != nil {
		a.Fatal(err)
	}
	record, err := a.Storage.Events().Get(a.Context(), in.Identity, id)
	if err != nil {
		a.Fatal(err)
	}
	return record
}

func (a *api) newest(webhookID string, id storage.ID) storage.ID {
	a.Helper()
	return a.record(webhookID, id).Newest
}

func TestReplay(t *testing.T) {
	a := newAPI(t)
	a.want(a.do("PUT", hook, github), 201)
	first := a.accept("demo", "hook", "1")
	path := hook + "/events/" + first.String() + "/replay"
	a.want(a.do("POST", path, ""), 409, "pending")
	a.attempt("hook", first, storage.Failed, noAttempt)

	a.want(a.do("PATCH", hook, `{"alias":"New","resource":{"type":"ticket","id":"8"}}`), 200)
	got := a.want(a.do("POST", path, ""), 202)
	if len(got.json) != 1 {
		t.Errorf("%s", got.text)
	}
	id, err := storage.ParseID(got.json["id"].(string))
	if err != nil {
		t.Fatal(err)
	}
	r := a.record("hook", id)
	if r.ResourceID != "8" || r.Alias != "New" || r.DeliveryID != "1" || r.Type != "push" || r.ReplayOf != first || r.Status != storage.Pending {
		t.Errorf("%+v", r)
	}
	a.want(a.do("GET", hook+"/events/"+id.String(), ""), 200, `"held":false,"replay_of":"`+first.String()+`","attempts":[]`, `"body_base64":"e30A/w=="`)
	a.want(a.do("GET", hook+"/events?status=failed", ""), 200, `"replay_of":null`)
	a.want(a.do("POST", path, ""), 409, "pending")

	// A body means nothing, and needs no content type.
	a.attempt("hook", id, storage.Delivered, storage.Attempt{StatusCode: 200})
	a.want(a.do("POST", path, "ignored", "Content-Type", ""), 202)
}

func TestReplayIsRefused(t *testing.T) {
	a := newAPI(t)
	a.want(a.do("PUT", hook, github), 201)
	a.want(a.do("PUT", list+"/two", strings.Replace(github, `"hook"`, `"two"`, 1)), 201)
	id := a.accept("demo", "hook", "1")
	a.attempt("hook", id, storage.Failed, noAttempt)
	one := "/events/" + id.String() + "/replay"
	other := strings.Replace(hook, "demo", "other", 1)
	for _, path := range []string{other + one, list + "/two" + one, list + "/none" + one, hook + "/events/" + strings.Repeat("0", 26) + "/replay"} {
		a.want(a.do("POST", path, ""), 404)
	}
	for _, path := range []string{other + "/replay", list + "/none/replay"} {
		a.want(a.do("POST", path, "{}"), 404)
	}
	a.want(a.do("POST", hook+"/events/x/replay", ""), 400)
	for _, path := range []string{hook + one, hook + "/replay"} {
		if got := a.want(a.do("GET", path, ""), 405); got.header.Get("Allow") != "POST" {
			t.Errorf("Allow %q", got.header.Get("Allow"))
		}
	}
	a.want(a.do("POST", hook+"/replay", ""), 415)
	a.want(a.do("POST", hook+"/replay", "{}", "Content-Type", "text/plain"), 415)
	a.want(a.do("POST", hook+"/replay", "", "Content-Type", "application/json"), 400)

	// What does not exist is not found, whatever state the integration is in.
	foreign := "/events/" + a.accept("demo", "two", "1").String() + "/replay"
	both := func(words ...string) {
		t.Helper()
		a.want(a.do("POST", hook+foreign, ""), 404, "no such event")
		a.want(a.do("POST", hook+one, ""), 409, words...)
		a.want(a.do("POST", hook+"/replay", "{}"), 409, words...)
		a.want(a.do("POST", hook+"/replay", `{"dry_run":true}`), 409, words...)
	}
	a.want(a.do("PATCH", hook, `{"is_enabled":false}`), 200)
	both("disabled")
	a.want(a.do("PATCH", hook, `{"is_enabled":true,"resource":null}`), 200)
	both("no resource")
	a.want(a.do("PATCH", hook, `{"resource":{"type":"ticket","id":"7"}}`), 200)
	allow := a.View.Rules.Allow
	a.View.Rules.Allow = func(project, resourceType, id string) error {
		return fmt.Errorf("%s may not use %s %s", project, resourceType, id)
	}
	both("demo may not use ticket 7")
	a.View.Rules.Allow = nil
	both("no resource")
	a.View.Rules.Allow = allow
	a.want(a.do("POST", hook+one, ""), 202)
}

func TestBulkReplay(t *testing.T) {
	a := newAPI(t)
	a.want(a.do("PUT", hook, github), 201)
	const n = 6
	var ids [n]storage.ID
	for i := range ids {
		ids[i] = a.accept("demo", "hook", fmt.Sprint(i))
	}
	for _, id := range ids[:4] {
		a.attempt("hook", id, storage.Failed, noAttempt)
	}
	a.attempt("hook", ids[4], storage.Delivered, storage.Attempt{StatusCode: 200})
	replay := func(body string, matched, replayed, skipped int) {
		t.Helper()
		want := fmt.Sprintf(`{"matched":%d,"replayed":%d,"skipped":%d}`+"\n", matched, replayed, skipped)
		if got := a.want(a.do("POST", hook+"/replay", body), 200); got.text != want {
			t.Errorf("%s: %swant %s", body, got.text, want)
		}
	}
	received := func(i int) string { return a.record("hook", ids[i]).ReceivedAt.Format(time.RFC3339Nano) }

	replay(`{"dry_run":true}`, 4, 0, 0)
	replay(`{"dry_run":true,"status":null,"from":null,"to":null,"event":null,"limit":null}`, 4, 0, 0)
	replay(`{"dry_run":true,"status":"delivered"}`, 1, 0, 0)
	replay(`{"dry_run":true,"event":"push"}`, 4, 0, 0)
	replay(`{"dry_run":true,"event":"pus"}`, 0, 0, 0)
	replay(`{"dry_run":true,"to":"`+received(0)+`"}`, 0, 0, 0)
	replay(`{"dry_run":true,"from":"`+received(0)+`"}`, 4, 0, 0)
	replay(`{"dry_run":true,"from":"2020-01-01T00:00:00Z","to":"2020-01-02T00:00:00+02:00"}`, 0, 0, 0)
	if p := a.record("hook", ids[0]).Newest; p != ids[0] {
		t.Fatal("a dry run replayed an event")
	}

	// The oldest come first; the same call goes on behind them.
	replay(`{"limit":1}`, 4, 1, 0)
	if a.newest("hook", ids[0]) == ids[0] {
		t.Error("the oldest was not replayed")
	}
	replay(`{"limit":2}`, 4, 2, 1)
	if second, third := a.newest("hook", ids[1]), a.newest("hook", ids[2]); second == ids[1] || third == ids[2] || third.String() < second.String() {
		t.Error("the second and third were not the next")
	}
	// What was replayed is skipped, whatever became of it; a failed replay
	// represents it.
	a.attempt("hook", a.newest("hook", ids[0]), storage.Delivered, storage.Attempt{StatusCode: 200})
	a.attempt("hook", a.newest("hook", ids[1]), storage.Failed, noAttempt)
	replay(`{}`, 5, 2, 3)
	replay(`{}`, 5, 0, 5)
	if r := a.record("hook", a.newest("hook", ids[3])); r.ReplayOf != ids[3] || r.Status != storage.Pending {
		t.Errorf("%+v", r)
	}
	replay(`{"status":"delivered"}`, 2, 2, 0)
}

func TestSelection(t *testing.T) {
	for body, word := range map[string]string{
		``: "object", `null`: "object", `[]`: "object", `7`: "object", `{} {}`: "object", `{`: "object",
		`{"status":"pending"}`: "status", `{"status":""}`: "status", `{"status":7}`: "status", `{"status":"FAILED"}`: "status",
		`{"from":"yesterday"}`: "from", `{"from":1}`: "from", `{"to":"2026-11-23"}`: "to",
		`{"from":"2026-11-23T13:00:00Z","to":"2026-11-23T13:00:00Z"}`: "from",
		`{"event":["push"]}`: "event", `{"limit":0}`: "limit", `{"limit":-1}`: "limit", `{"limit":10001}`: "limit",
		`{"limit":"1"}`: "limit", `{"limit":1.5}`: "limit", `{"limit":1e99}`: "limit",
		`{"dry_run":"false"}`: "dry_run", `{"dry_run":0}`: "dry_run", `{"webhook_id":"x"}`: "webhook_id", `{"Limit":5}`: "Limit",
	} {
		_, err := parseSelection([]byte(body))
		if status, text := explain(err); status != 400 || !strings.Contains(text, word) {
			t.Errorf("%s: %d %s", body, status, text)
		}
	}
	s, err := parseSelection([]byte(`{"limit":10000,"from":"2026-11-23T13:00:00+01:00"}`))
	if err != nil || s.limit != maxReplays || s.status != storage.Failed || !s.from.Equal(time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)) || !s.to.IsZero() {
		t.Errorf("%+v, %v", s, err)
	}
}

func FuzzSelection(f *testing.F) {
	f.Add([]byte(`{"status":"failed","from":"2026-11-23T13:00:00Z","to":"2026-11-24T13:00:00Z","event":"push","limit":9,"dry_run":true}`))
	f.Add([]byte(`{"limit":null,"x":{}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := parseSelection(text)
		var own *refusal
		switch {
		case err != nil && (!errors.As(err, &own) || own.status != 400):
			t.Errorf("%q: %v", text, err)
		case err == nil && (s.limit < 1 || s.limit > maxReplays || s.status == storage.Pending || s.status == ""):
			t.Errorf("%q: %+v", text, s)
		}
	})
}

// replayer has a test see each replay of a bulk.
type replayer struct {
	storage.Events
	see func(ctx context.Context, id storage.ID) error
}

func (r replayer) Replay(ctx context.Context, identity storage.Identity, id storage.ID, replay storage.Replay) (storage.ID, error) {
	if !replay.Once {
		return storage.ID{}, errors.New("another's replay may be repeated")
	}
	if err := r.see(ctx, id); err != nil {
		return storage.ID{}, err
	}
	return r.Events.Replay(ctx, identity, id, replay)
}

// timed records until when a request may be read: a body has been read by then,
// and only the connection's end is still awaited.
type timed struct {
	*httptest.ResponseRecorder
	deadline time.Time
	moved    int
}

func (w *timed) SetReadDeadline(deadline time.Time) error {
	w.deadline = deadline
	w.moved++
	return nil
}

func TestBulkReplayEnds(t *testing.T) {
	a := newAPI(t)
	a.want(a.do("PUT", hook, github), 201)
	const n = 20
	for i := range n {
		a.attempt("hook", a.accept("demo", "hook", fmt.Sprint(i)), storage.Failed, noAttempt)
	}
	in, err := a.Service.Lookup(t.Context(), a.View, "hook")
	if err != nil {
		t.Fatal(err)
	}
	through := func(see func(ctx context.Context, id storage.ID) error) {
		b := a.Storage.(backend)
		if wrapped, ok := b.events.(replayer); ok {
			b.events = wrapped.Events
		}
		a.Storage = backend{b.integrations, replayer{b.events, see}}
	}
	pending := func() int { return a.Storage.Events().PendingOf(in.Identity) }

	// When the caller leaves.
	ctx, leave := context.WithCancel(t.Context())
	seen := 0
	through(func(context.Context, storage.ID) error {
		if seen++; seen == 3 {
			leave()
		}
		return nil
	})
	r := httptest.NewRequestWithContext(ctx, "POST", hook+"/replay", strings.NewReader("{}"))
	r.Header.Set("Content-Type", "application/json")
	w := &timed{ResponseRecorder: httptest.NewRecorder()}
	Serve(w, r, a.Backend)
	if w.deadline != (time.Time{}) || w.moved < 2 {
		t.Errorf("the last of %d deadlines is %v", w.moved, w.deadline)
	}
	if seen != 3 || pending() != 2 || w.Body.Len() != 0 {
		t.Errorf("%d were begun, %d are pending: %s", seen, pending(), w.Body)
	}

	// When the integration does not allow it any more.
	seen = 0
	through(func(context.Context, storage.ID) error {
		if seen++; seen == 2 {
			_, err := a.Service.Patch(t.Context(), a.View, "demo", "hook", []byte(`{"is_enabled":false}`), integration.Precondition{})
			return err
		}
		return nil
	})
	a.want(a.do("POST", hook+"/replay", "{}"), 409, "disabled")
	if pending() != 4 {
		t.Errorf("%d are pending", pending())
	}
	a.want(a.do("PATCH", hook, `{"is_enabled":true}`), 200)

	// If the storage accepts no more; damaged events and those replayed by others
	// are skipped before.
	seen = 0
	faults := []error{storage.ErrCorrupt, storage.ErrNotFound, storage.ErrPending, storage.ErrReplayed, nil, storage.ErrUnavailable}
	through(func(context.Context, storage.ID) error {
		seen++
		return faults[seen-1]
	})
	a.want(a.do("POST", hook+"/replay", "{}"), 503)
	if seen != len(faults) || pending() != 5 {
		t.Errorf("%d were begun, %d are pending", seen, pending())
	}
	seen, faults = 0, []error{errors.Join(storage.ErrUnavailable, storage.ErrCorrupt)} // the storage's, not the event's
	a.want(a.do("POST", hook+"/replay", "{}"), 503)
	seen, faults = 0, []error{storage.ErrCorrupt, storage.ErrPending, nil}
	a.want(a.do("POST", hook+"/replay", `{"limit":3}`), 200, `{"matched":20,"replayed":1,"skipped":7}`)
}

// The endpoint's own time for a request does not cut a long replay short.
func TestLongReplay(t *testing.T) {
	a := newAPI(t)
	a.want(a.do("PUT", hook, github), 201)
	const n = 40
	for i := range n {
		a.attempt("hook", a.accept("demo", "hook", fmt.Sprint(i)), storage.Failed, noAttempt)
	}
	server := httptest.NewUnstartedServer(a.server.Config.Handler)
	server.Config.ReadTimeout, server.Config.WriteTimeout = n/2*replayEvery, n/2*replayEvery
	server.Start()
	defer server.Close()
	started := time.Now()
	response, err := http.Post(server.URL+hook+"/replay", "application/json", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	a.want(a.read(response), 200, `{"matched":40,"replayed":40,"skipped":0}`)
	if took := time.Since(started); took < (n-1)*replayEvery {
		t.Errorf("%d replays took %v", n, took)
	}
}
