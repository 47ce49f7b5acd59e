package storagetest

import (
	"errors"
	"testing"

	"github.com/hookgate/hookgate/module/storage"
)

// Backend checks a whole storage: its events, its integrations, and what they know of
// each other. open opens it at a place, with whatever it finds there.
func Backend(t *testing.T, open func(t *testing.T, place string) storage.Backend, lacks ...Lack) {
	t.Run("events", func(t *testing.T) {
		Events(t, func(t *testing.T, place string) EventLog { return logOf(open(t, place)) }, lacks...)
	})
	t.Run("integrations", func(t *testing.T) {
		Integrations(t, func(t *testing.T, place string) (storage.Integrations, func()) {
			b := open(t, place)
			return b.Integrations(), func() {
				if err := b.Close(); err != nil {
					t.Error(err)
				}
			}
		}, lacks...)
	})
	for name, test := range map[string]func(*testing.T, storage.Backend){
		"what has changed is stale":        testStale,
		"it is well until it is closed":    testHealth,
		"one process has nobody beside it": testAlone,
	} {
		t.Run(name, func(t *testing.T) {
			b := open(t, NewPlace())
			t.Cleanup(func() { b.Close() })
			test(t, b)
		})
	}
}

// logOf is a backend's event log with its abilities.
func logOf(b storage.Backend) EventLog {
	events := b.Events()
	limiter, isLimiter := events.(storage.Limiter)
	meter, isMeter := events.(storage.Meter)
	if !isLimiter || !isMeter {
		return struct {
			storage.Events
			closer
		}{events, b.Close}
	}
	return struct {
		storage.Events
		storage.Limiter
		storage.Meter
		closer
	}{events, limiter, meter, b.Close}
}

type closer func() error

// Close implements io.Closer.
func (c closer) Close() error { return c() }

// put writes an integration.
func put(t *testing.T, b storage.Backend, in storage.Integration, expected uint64) uint64 {
	t.Helper()
	revision, err := b.Integrations().Put(t.Context(), in, expected)
	if err != nil {
		t.Fatal(err)
	}
	return revision
}

// appendAt appends an event of an integration that stood at a revision.
func appendAt(t *testing.T, b storage.Backend, webhookID string, revision uint64) error {
	t.Helper()
	event := newEvent(storage.Identity{1}, "x")
	event.WebhookID, event.Revision = webhookID, revision
	id, _, err := b.Events().Append(t.Context(), event, storage.Dedupe{})
	if err != nil {
		return err
	}
	if r, err := b.Events().Get(t.Context(), event.Integration, id); err != nil || r.Revision != 0 {
		t.Fatalf("an event is kept with revision %d, %v", r.Revision, err)
	}
	return nil
}

// wantStale checks which revision of an integration authenticates events now.
func wantStale(t *testing.T, b storage.Backend, webhookID string, stale, present uint64) {
	t.Helper()
	before := b.Events().Counts().Pending
	if err := appendAt(t, b, webhookID, stale); !errors.Is(err, storage.ErrStale) {
		t.Fatalf("revision %d of %d: %v", stale, present, err)
	}
	if n := b.Events().Counts().Pending; n != before {
		t.Fatalf("%d events were kept", n-before)
	}
	for _, revision := range []uint64{present, 0} {
		if err := appendAt(t, b, webhookID, revision); err != nil {
			t.Fatalf("revision %d of %d: %v", revision, present, err)
		}
	}
}

func testStale(t *testing.T, b storage.Backend) {
	in := storage.Integration{WebhookID: "hook", Project: "demo", Value: []byte("1")}
	first := put(t, b, in, 0)
	if err := appendAt(t, b, "hook", first); err != nil {
		t.Fatal(err)
	}
	second := put(t, b, in, first)
	wantStale(t, b, "hook", first, second)
	// What is refused, or only marks it as used, changes nothing.
	if _, err := b.Integrations().Put(t.Context(), in, first); !errors.Is(err, storage.ErrConflict) {
		t.Fatal(err)
	}
	if err := b.Integrations().MarkUsed(t.Context(), "hook"); err != nil {
		t.Fatal(err)
	}
	other := in
	other.WebhookID = "other"
	put(t, b, other, 0)
	wantStale(t, b, "hook", first, second)
	in.Deleted = true
	wantStale(t, b, "hook", second, put(t, b, in, second))
}

func testHealth(t *testing.T, b storage.Backend) {
	if health := b.Health(); health.State != "ok" || !health.FailedAt.IsZero() {
		t.Errorf("it is %+v", health)
	}
	if err := errors.Join(b.Close(), b.Close()); err != nil {
		t.Error(err)
	}
	if health := b.Health(); health.State == "ok" {
		t.Error("it is well when it is closed")
	}
}

func testAlone(t *testing.T, b storage.Backend) {
	if n := b.Events().Peers(); n != 1 {
		t.Errorf("it counts %d processes", n)
	}
	e := &eventsTest{T: t, log: logOf(b)}
	w, stop := e.watch()
	defer stop()
	identity := newIdentity()
	id := e.append(newEvent(identity, "x"), storage.Dedupe{})
	e.eventually("the event", func() bool { return len(w.seen(id)) == 1 })
	if err := b.Events().GiveBack(t.Context(), w.seen(id), "unserved"); !errors.Is(err, storage.ErrNoPeer) {
		t.Errorf("there is nobody to give events to: %v", err)
	}
	e.attempt(identity, id, storage.Delivered)
	stopFollowing, err := b.Integrations().Changes(func(webhookID string) { t.Errorf("told of the own write of %s", webhookID) })
	if err != nil {
		t.Fatal(err)
	}
	put(t, b, storage.Integration{WebhookID: "hook", Project: "demo"}, 0)
	stopFollowing()
}
