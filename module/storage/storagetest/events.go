package storagetest

import (
	"crypto/rand"
	"errors"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/hookgate/hookgate/internal/polltest"
	"github.com/hookgate/hookgate/module/storage"
)

// EventLog is an open event log under test. Where it is a storage.Limiter and a
// storage.Meter, its limits are tested, too.
type EventLog interface {
	storage.Events
	// Close ends it; the same place may then be opened again.
	Close() error
}

// Events checks what every event log must hold. open opens the log at a place, with
// whatever it finds there.
func Events(t *testing.T, open func(t *testing.T, place string) EventLog, lacks ...Lack) {
	const (
		reopens = 1 << iota // what the test is about
		limits
	)
	tests := []struct {
		name  string
		run   func(*eventsTest)
		needs int
	}{
		{"append keeps the whole event", testAppendKeeps, 0},
		{"append finds duplicates", testDuplicates, 0},
		{"append ends the window", testWindow, 0},
		{"append finds the key of before", testFormerKey, 0},
		{"append of copies at once stores one", testCopiesAtOnce, 0},
		{"append requeues what failed", testRequeue, 0},
		{"append refuses a cancelled context", testCancelled, 0},
		{"append for several resources stores all", testFurther, 0},
		{"a copy for several resources looks at all", testFurtherCopies, 0},
		{"each resource has replays of its own", testFurtherReplays, 0},
		{"limits count each resource", testFurtherLimits, limits},
		{"replay repeats an event", testReplay, 0},
		{"replay keeps chains apart and in line", testReplayChain, 0},
		{"replay at once stores one", testReplaysAtOnce, 0},
		{"a duplicate looks at the newest replay", testReplayDuplicates, 0},
		{"replay refuses what it cannot do", testReplayRefuses, 0},
		{"IDs ascend", testIDsAscend, 0},
		{"claims are exclusive", testClaims, 0},
		{"an attempt ends a claim", testFinish, 0},
		{"attempts are bounded", testAttemptsBounded, 0},
		{"progress is kept", testProgress, 0},
		{"a clean end is no crash", testCleanEnd, reopens},
		{"watch sees old and new", testWatch, 0},
		{"open reads bit by bit", testOpen, 0},
		{"list pages newest first", testList, 0},
		{"counts follow", testCounts, 0},
		{"drop deletes for good", testDrop, 0},
		{"limits on the backlog refuse", testBacklogLimits, limits},
		{"a number of events is kept", testEventsLimit, limits},
		{"retention purges what is settled", testRetention, limits},
		{"usage follows", testUsage, limits},
		{"identities are apart", testIdentities, 0},
		{"close refuses", testClosed, 0},
	}
	once := slices.Contains(lacks, Reopening)
	for _, test := range tests {
		if once && test.needs&reopens != 0 {
			continue
		}
		t.Run(test.name, func(t *testing.T) {
			place := NewPlace()
			e := &eventsTest{T: t, once: once, open: func() EventLog { return open(t, place) }}
			e.log = e.open()
			t.Cleanup(func() { e.log.Close() })
			if test.needs&limits == 0 || e.limited() {
				test.run(e)
			}
		})
	}
}

type eventsTest struct {
	*testing.T
	once bool
	open func() EventLog
	log  EventLog
}

// limited reports whether the log has limits.
func (t *eventsTest) limited() bool {
	_, limiter := t.log.(storage.Limiter)
	_, meter := t.log.(storage.Meter)
	return limiter && meter
}

// reopen closes the log and opens it again, and reports whether that can be done.
func (t *eventsTest) reopen() bool {
	t.Helper()
	if t.once {
		return false
	}
	if err := t.log.Close(); err != nil {
		t.Fatal(err)
	}
	t.log = t.open()
	return true
}

// twice runs the check on the open log, and again after it was reopened.
func (t *eventsTest) twice(check func()) {
	t.Helper()
	check()
	if t.reopen() {
		check()
	}
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
	polltest.Until(t, what, ok)
}
