package storagetest

import (
	"crypto/rand"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/hookgate/hookgate/module/storage"
)

// EventLog is an open event log under test.
type EventLog interface {
	storage.Events
	// Close ends it; the same directory may then be opened again.
	Close() error
}

// Events checks what every event log must hold. open opens the log in a
// directory, with whatever it finds there.
func Events(t *testing.T, open func(t *testing.T, dir string) EventLog) {
	tests := []struct {
		name string
		run  func(*eventsTest)
	}{
		{"append keeps the whole event", testAppendKeeps},
		{"append finds duplicates", testDuplicates},
		{"append ends the window", testWindow},
		{"append finds the key of before", testFormerKey},
		{"append of copies at once stores one", testCopiesAtOnce},
		{"append requeues what failed", testRequeue},
		{"append refuses a cancelled context", testCancelled},
		{"append for several resources stores all", testFurther},
		{"a copy for several resources looks at all", testFurtherCopies},
		{"each resource has replays of its own", testFurtherReplays},
		{"limits count each resource", testFurtherLimits},
		{"replay repeats an event", testReplay},
		{"replay keeps chains apart and in line", testReplayChain},
		{"replay at once stores one", testReplaysAtOnce},
		{"a duplicate looks at the newest replay", testReplayDuplicates},
		{"replay refuses what it cannot do", testReplayRefuses},
		{"IDs ascend", testIDsAscend},
		{"claims are exclusive", testClaims},
		{"an attempt ends a claim", testFinish},
		{"attempts are bounded", testAttemptsBounded},
		{"progress is kept", testProgress},
		{"a clean end is no crash", testCleanEnd},
		{"watch sees old and new", testWatch},
		{"open reads bit by bit", testOpen},
		{"list pages newest first", testList},
		{"counts follow", testCounts},
		{"drop deletes for good", testDrop},
		{"limits on the backlog refuse", testBacklogLimits},
		{"a number of events is kept", testEventsLimit},
		{"retention purges what is settled", testRetention},
		{"usage follows", testUsage},
		{"identities are apart", testIdentities},
		{"close refuses", testClosed},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			e := &eventsTest{T: t, open: func() EventLog { return open(t, dir) }}
			e.log = e.open()
			t.Cleanup(func() { e.log.Close() })
			test.run(e)
		})
	}
}

type eventsTest struct {
	*testing.T
	open func() EventLog
	log  EventLog
}

func (t *eventsTest) reopen() {
	t.Helper()
	if err := t.log.Close(); err != nil {
		t.Fatal(err)
	}
	t.log = t.open()
}

// twice runs the check on the open log, and again after it was opened anew.
func (t *eventsTest) twice(check func()) {
	t.Helper()
	check()
	t.reopen()
	check()
}

func newIdentity() (identity storage.Identity) {
	rand.Read(identity[:])
	return identity
}

func newEvent(identity storage.Identity, body string) *storage.Event {
	return &storage.Event{
		Integration: identity, WebhookID: "hook", Project: "demo", Alias: "Näme", Provider: "github", Type: "push",
		DeliveryID: "delivery", ResourceType: "assistant", ResourceID: "a/b",
		Header: http.Header{"Content-Type": {"application/json"}, "X-Two": {"1", ""}},
		Body:   []byte(body),
	}
}

func dedupe(key string) storage.Dedupe {
	return storage.Dedupe{Key: []byte(key), Window: time.Hour, Requeues: 2}
}

func (t *eventsTest) append(e *storage.Event, d storage.Dedupe) storage.ID {
	t.Helper()
	id, outcome, err := t.log.Append(t.Context(), e, d)
	if err != nil || outcome != storage.Accepted || id != e.ID || id.IsZero() {
		t.Fatalf("append: %v (event %v), outcome %d, %v", id, e.ID, outcome, err)
	}
	return id
}

func (t *eventsTest) again(identity storage.Identity, d storage.Dedupe, wantID storage.ID, want storage.Outcome) {
	t.Helper()
	id, outcome, err := t.log.Append(t.Context(), newEvent(identity, "again"), d)
	if err != nil || id != wantID || outcome != want {
		t.Fatalf("append again: %v, outcome %d, %v; want %v, outcome %d", id, outcome, err, wantID, want)
	}
}

func (t *eventsTest) get(identity storage.Identity, id storage.ID) *storage.Record {
	t.Helper()
	r, err := t.log.Get(t.Context(), identity, id)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (t *eventsTest) claim(identity storage.Identity, id storage.ID) *storage.Record {
	t.Helper()
	r, err := t.log.Claim(t.Context(), identity, id)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (t *eventsTest) finish(identity storage.Identity, id storage.ID, status storage.Status, due time.Time) {
	t.Helper()
	attempt := storage.Attempt{At: now(), StatusCode: 500, Error: "status", Detail: "größer", Duration: 1500 * time.Microsecond}
	if err := t.log.Finish(t.Context(), identity, id, attempt, status, due); err != nil {
		t.Fatal(err)
	}
}

func (t *eventsTest) attempt(identity storage.Identity, id storage.ID, status storage.Status) {
	t.Helper()
	t.claim(identity, id)
	t.finish(identity, id, status, now())
}

func (t *eventsTest) wantError(err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("got error %v, want %v", err, want)
	}
}

// now is a time as storages keep it.
func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

func (t *eventsTest) eventually(what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(10 * time.Second)
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%s: not within 10 seconds", what)
		}
	}
}
