package storagetest

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"sync"
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

func testAppendKeeps(t *eventsTest) {
	identity := newIdentity()
	large := make([]byte, 3<<20)
	rand.Read(large)
	bodies := []string{"", "x", `{"a":1}`, "\x00\xff", string(large)}
	events := make([]*storage.Event, len(bodies))
	for i, body := range bodies {
		events[i] = newEvent(identity, body)
		if i == 1 {
			events[i].ReceivedAt = time.Date(2026, 5, 4, 3, 2, 1, 987_000_000, time.UTC)
		}
		t.append(events[i], storage.Dedupe{})
		if events[i].ReceivedAt.IsZero() {
			t.Fatal("append left ReceivedAt zero")
		}
	}
	// The log keeps nothing of the caller's.
	kept := slices.Clone(events[2].Body)
	events[2].Body[0] = 'X'
	events[2].Body = kept
	t.twice(func() {
		for _, want := range events {
			r := t.get(identity, want.ID)
			if !bytes.Equal(r.Body, want.Body) || !reflect.DeepEqual(r.Header, want.Header) {
				t.Fatalf("header or body of %d bytes differ: %v", len(want.Body), r.Header)
			}
			got, expected := r.Event, *want
			got.Header, got.Body, expected.Header, expected.Body = nil, nil, nil, nil
			if !reflect.DeepEqual(got, expected) {
				t.Fatalf("got %+v, want %+v", got, expected)
			}
			if r.Status != storage.Pending || !r.QueuedAt.Equal(want.ReceivedAt) || r.Due.After(now()) || r.Tries != 0 {
				t.Fatalf("a new event's state is %+v", r.State)
			}
		}
	})
	_, err := t.log.Get(t.Context(), identity, storage.ID{1})
	t.wantError(err, storage.ErrNotFound)
}

func testDuplicates(t *eventsTest) {
	identity := newIdentity()
	first := t.append(newEvent(identity, "1"), dedupe("key"))
	other := t.append(newEvent(identity, "1"), dedupe("other"))
	if t.append(newEvent(identity, "1"), storage.Dedupe{}) == first {
		t.Fatal("an event without a key is a duplicate")
	}
	t.append(newEvent(newIdentity(), "1"), dedupe("key"))
	t.twice(func() {
		t.again(identity, dedupe("key"), first, storage.Duplicate)
		t.again(identity, dedupe("other"), other, storage.Duplicate)
	})
	t.attempt(identity, first, storage.Delivered)
	t.twice(func() { t.again(identity, dedupe("key"), first, storage.Duplicate) })
}

func testWindow(t *eventsTest) {
	identity := newIdentity()
	d := storage.Dedupe{Key: []byte("key"), Window: time.Hour}
	first := t.append(newEvent(identity, "1"), d)
	t.again(identity, d, first, storage.Duplicate)
	// What a sender's clock says does not count.
	later := newEvent(identity, "2")
	later.ReceivedAt = now().Add(48 * time.Hour)
	if id, outcome, err := t.log.Append(t.Context(), later, d); id != first || outcome != storage.Duplicate || err != nil {
		t.Fatalf("inside the window: %v, %d, %v", id, outcome, err)
	}
	short := d
	short.Window = time.Millisecond
	var second storage.ID
	t.eventually("the window ends", func() bool {
		id, outcome, err := t.log.Append(t.Context(), newEvent(identity, "3"), short)
		if err != nil {
			t.Fatal(err)
		}
		second = id
		return outcome == storage.Accepted
	})
	t.twice(func() { t.again(identity, d, second, storage.Duplicate) })
}

func testCopiesAtOnce(t *eventsTest) {
	identity := newIdentity()
	const rounds, copies = 20, 8
	for round := range rounds {
		ids := make([]storage.ID, copies)
		outcomes := make([]storage.Outcome, copies)
		var wait sync.WaitGroup
		for i := range copies {
			wait.Go(func() {
				var err error
				ids[i], outcomes[i], err = t.log.Append(t.Context(), newEvent(identity, "x"), dedupe(fmt.Sprint(round)))
				if err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		accepted := 0
		for i := range copies {
			if outcomes[i] == storage.Accepted {
				accepted++
			}
			if ids[i] != ids[0] {
				t.Fatalf("round %d: two IDs for one event", round)
			}
		}
		if accepted != 1 {
			t.Fatalf("round %d: %d of %d copies were accepted", round, accepted, copies)
		}
	}
	t.twice(func() {
		if n := t.log.PendingOf(identity); n != rounds {
			t.Fatalf("%d events are pending, want %d", n, rounds)
		}
	})
}

func testRequeue(t *eventsTest) {
	identity := newIdentity()
	d := dedupe("key")
	id := t.append(newEvent(identity, "1"), d)
	for requeued := 1; requeued <= d.Requeues; requeued++ {
		t.claim(identity, id)
		if err := t.log.Save(t.Context(), identity, id, []byte("progress")); err != nil {
			t.Fatal(err)
		}
		t.finish(identity, id, storage.Failed, time.Time{})
		before := t.get(identity, id)
		if before.Status != storage.Failed || before.Tries != requeued {
			t.Fatalf("after a failure: %+v", before.State)
		}
		if requeued == 2 {
			t.reopen()
		}
		t.again(identity, d, id, storage.Requeued)
		t.again(identity, d, id, storage.Duplicate) // it is pending now
		t.twice(func() {
			r := t.get(identity, id)
			if r.Status != storage.Pending || r.Requeued != requeued || r.Tries != requeued || r.QueuedTries != requeued || len(r.Attempts) != requeued {
				t.Fatalf("after requeue %d: %+v", requeued, r.State)
			}
			if r.Progress != nil || r.QueuedAt.Before(before.QueuedAt) || r.Due.After(now()) {
				t.Fatalf("after requeue %d: %+v", requeued, r.State)
			}
		})
	}
	t.attempt(identity, id, storage.Failed)
	t.twice(func() { t.again(identity, d, id, storage.Duplicate) })
}

func testCancelled(t *eventsTest) {
	identity := newIdentity()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err := t.log.Append(ctx, newEvent(identity, "1"), dedupe("key"))
	t.wantError(err, context.Canceled)
	if n := t.log.PendingOf(identity); n != 0 {
		t.Fatalf("%d events are pending", n)
	}
}

func testIDsAscend(t *eventsTest) {
	identity := newIdentity()
	var last storage.ID
	for range 3 {
		for range 200 {
			id := t.append(newEvent(identity, ""), storage.Dedupe{})
			if bytes.Compare(id[:], last[:]) <= 0 {
				t.Fatalf("%v came after %v", id, last)
			}
			last = id
		}
		t.reopen()
	}
}

func testClaims(t *eventsTest) {
	identity := newIdentity()
	id := t.append(newEvent(identity, "body"), storage.Dedupe{})
	due := now().Add(time.Hour)

	_, err := t.log.Claim(t.Context(), identity, storage.ID{1})
	t.wantError(err, storage.ErrNotFound)
	t.wantError(t.log.Release(t.Context(), identity, id, due), storage.ErrNotPending)
	t.wantError(t.log.Save(t.Context(), identity, id, nil), storage.ErrNotPending)
	t.wantError(t.log.Finish(t.Context(), identity, id, storage.Attempt{}, storage.Delivered, due), storage.ErrNotPending)

	claims := make(chan error, 8)
	for range cap(claims) {
		go func() {
			_, err := t.log.Claim(t.Context(), identity, id)
			claims <- err
		}()
	}
	got := 0
	for range cap(claims) {
		if err := <-claims; err == nil {
			got++
		} else {
			t.wantError(err, storage.ErrNotPending)
		}
	}
	if got != 1 {
		t.Fatalf("%d claims succeeded", got)
	}
	if err := t.log.Release(t.Context(), identity, id, due); err != nil {
		t.Fatal(err)
	}
	t.twice(func() {
		r := t.get(identity, id)
		if r.Status != storage.Pending || r.Tries != 0 || r.Crashes != 0 || !r.Due.Equal(due) {
			t.Fatalf("after a release: %+v", r.State)
		}
	})
	if r := t.claim(identity, id); string(r.Body) != "body" || r.Header.Get("Content-Type") != "application/json" {
		t.Fatalf("claimed %q with %v", r.Body, r.Header)
	}
}

func testFinish(t *eventsTest) {
	identity := newIdentity()
	for _, status := range []storage.Status{storage.Pending, storage.Delivered, storage.Failed} {
		id := t.append(newEvent(identity, "body"), storage.Dedupe{})
		t.claim(identity, id)
		attempt := storage.Attempt{At: now(), StatusCode: 502, Error: "status", Detail: "a\"b", Duration: 3 * time.Millisecond}
		due := now().Add(time.Minute)
		if err := t.log.Finish(t.Context(), identity, id, attempt, status, due); err != nil {
			t.Fatal(err)
		}
		t.twice(func() {
			r := t.get(identity, id)
			if r.Status != status || r.Tries != 1 || !slices.Equal(r.Attempts, []storage.Attempt{attempt}) || !r.Due.Equal(due) {
				t.Fatalf("after %s: %+v", status, r.State)
			}
		})
		_, err := t.log.Claim(t.Context(), identity, id)
		if (status == storage.Pending) != (err == nil) {
			t.Fatalf("a claim after %s: %v", status, err)
		}
	}
	id := t.append(newEvent(identity, ""), storage.Dedupe{})
	t.claim(identity, id)
	if err := t.log.Finish(t.Context(), identity, id, storage.Attempt{}, "done", now()); err == nil {
		t.Fatal("a status that there is not was taken")
	}
}

func testAttemptsBounded(t *eventsTest) {
	identity := newIdentity()
	id := t.append(newEvent(identity, ""), storage.Dedupe{})
	const tries = storage.MaxAttempts + 6
	for i := range tries {
		t.claim(identity, id)
		if err := t.log.Finish(t.Context(), identity, id, storage.Attempt{StatusCode: i}, storage.Pending, now()); err != nil {
			t.Fatal(err)
		}
	}
	t.twice(func() {
		r := t.get(identity, id)
		if r.Tries != tries || len(r.Attempts) != storage.MaxAttempts {
			t.Fatalf("%d tries, %d attempts", r.Tries, len(r.Attempts))
		}
		if r.Attempts[0].StatusCode != 0 || r.Attempts[1].StatusCode != 7 || r.Attempts[storage.MaxAttempts-1].StatusCode != tries-1 {
			t.Fatalf("kept %+v", r.Attempts)
		}
	})
}

func testProgress(t *eventsTest) {
	identity := newIdentity()
	id := t.append(newEvent(identity, ""), storage.Dedupe{})
	t.claim(identity, id)
	for _, progress := range []string{"one", "two"} {
		value := []byte(progress)
		if err := t.log.Save(t.Context(), identity, id, value); err != nil {
			t.Fatal(err)
		}
		value[0] = 'X'
	}
	t.finish(identity, id, storage.Pending, now())
	t.twice(func() {
		if r := t.get(identity, id); string(r.Progress) != "two" {
			t.Fatalf("progress is %q", r.Progress)
		}
	})
	if r := t.claim(identity, id); string(r.Progress) != "two" {
		t.Fatalf("claimed with progress %q", r.Progress)
	}
}

func testCleanEnd(t *eventsTest) {
	identity := newIdentity()
	id := t.append(newEvent(identity, ""), storage.Dedupe{})
	t.claim(identity, id)
	t.reopen()
	if r := t.claim(identity, id); r.Crashes != 0 {
		t.Fatalf("closing counted %d crashes", r.Crashes)
	}
}

// watcher collects what a watch says.
type watcher struct {
	mu   sync.Mutex
	refs map[storage.ID][]storage.Ref
}

func (t *eventsTest) watch() (*watcher, func()) {
	t.Helper()
	w := &watcher{refs: make(map[storage.ID][]storage.Ref)}
	stop, err := t.log.Watch(func(ref storage.Ref) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.refs[ref.ID] = append(w.refs[ref.ID], ref)
	})
	if err != nil {
		t.Fatal(err)
	}
	return w, stop
}

func (w *watcher) seen(id storage.ID) []storage.Ref {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.refs[id])
}

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

func testWatch(t *eventsTest) {
	identity := newIdentity()
	old := t.append(newEvent(identity, "old"), storage.Dedupe{})
	done := t.append(newEvent(identity, "done"), storage.Dedupe{})
	failed := t.append(newEvent(identity, "failed"), dedupe("failed"))
	t.attempt(identity, done, storage.Delivered)
	t.attempt(identity, failed, storage.Failed)
	for range 2 {
		w, stop := t.watch()
		t.eventually("the old event", func() bool { return len(w.seen(old)) == 1 })
		if _, err := t.log.Watch(func(storage.Ref) {}); err == nil {
			t.Fatal("a second watcher was taken")
		}
		fresh := t.append(newEvent(identity, "new"), storage.Dedupe{})
		t.eventually("the new event", func() bool { return len(w.seen(fresh)) == 1 })
		ref := w.seen(fresh)[0]
		if ref.Integration != identity || ref.WebhookID != "hook" || ref.ResourceType != "assistant" || ref.Due.After(now()) || ref.Size < int64(len(newEvent(identity, "1").Body)) {
			t.Fatalf("the ref is %+v", ref)
		}
		t.again(identity, dedupe("failed"), failed, storage.Requeued)
		t.eventually("the requeued event", func() bool { return len(w.seen(failed)) == 1 })
		if len(w.seen(done)) != 0 {
			t.Fatal("a delivered event was shown")
		}
		stop()
		late := t.append(newEvent(identity, "late"), storage.Dedupe{})
		if len(w.seen(late)) != 0 {
			t.Fatal("the watcher was called after it was stopped")
		}
		t.attempt(identity, failed, storage.Failed)
		t.reopen()
	}
}

func testList(t *eventsTest) {
	identity := newIdentity()
	const n = 60
	var all []storage.ID
	status := make(map[storage.ID]storage.Status)
	for i := range n {
		if i == n/2 {
			t.reopen()
		}
		id := t.append(newEvent(identity, "body"), storage.Dedupe{})
		all = append(all, id)
		status[id] = []storage.Status{storage.Pending, storage.Delivered, storage.Failed}[i%3]
		if status[id] != storage.Pending {
			t.attempt(identity, id, status[id])
		}
		t.append(newEvent(newIdentity(), "another's"), storage.Dedupe{})
	}
	slices.Reverse(all)
	t.twice(func() {
		for _, want := range []storage.Status{"", storage.Pending, storage.Delivered, storage.Failed} {
			var expected []storage.ID
			for _, id := range all {
				if want == "" || status[id] == want {
					expected = append(expected, id)
				}
			}
			for _, limit := range []int{1, 7, n, 2 * n} {
				if got := t.listAll(identity, want, limit); !slices.Equal(got, expected) {
					t.Fatalf("status %q by %d: got %d, want %d", want, limit, len(got), len(expected))
				}
			}
		}
	})
}

func (t *eventsTest) listAll(identity storage.Identity, status storage.Status, limit int) (ids []storage.ID) {
	t.Helper()
	query := storage.Query{Status: status, Limit: limit}
	for {
		records, next, more, err := t.log.List(t.Context(), identity, query)
		if err != nil || len(records) > limit {
			t.Fatalf("%d records for a limit of %d, %v", len(records), limit, err)
		}
		for _, r := range records {
			if r.Header != nil || r.Body != nil || r.WebhookID != "hook" {
				t.Fatalf("listed %+v", r.Event)
			}
			ids = append(ids, r.ID)
		}
		if !more {
			return ids
		}
		query.Before = next
	}
}

func testCounts(t *eventsTest) {
	if c := t.log.Counts(); c != (storage.Counts{}) {
		t.Fatalf("an empty log counts %+v", c)
	}
	a, b := newIdentity(), newIdentity()
	start := now().Truncate(time.Second)
	first := t.append(newEvent(a, ""), storage.Dedupe{})
	second := t.append(newEvent(a, ""), storage.Dedupe{})
	third := t.append(newEvent(b, ""), dedupe("third"))
	t.attempt(a, first, storage.Failed)
	t.attempt(a, second, storage.Delivered)
	t.twice(func() {
		c := t.log.Counts()
		if c.Pending != 1 || c.Failed != 1 || t.log.PendingOf(a) != 0 || t.log.PendingOf(b) != 1 {
			t.Fatalf("counts %+v, %d and %d", c, t.log.PendingOf(a), t.log.PendingOf(b))
		}
		if c.OldestPending.Before(start) || c.OldestPending.After(time.Now()) {
			t.Fatalf("the oldest pending is of %v, not before %v", c.OldestPending, start)
		}
	})
	// What is counted long after it was stored is counted as well.
	t.attempt(b, third, storage.Failed)
	t.twice(func() {
		if c := t.log.Counts(); c.Pending != 0 || c.Failed != 2 || !c.OldestPending.IsZero() || t.log.PendingOf(b) != 0 {
			t.Fatalf("counts %+v, %d of one", c, t.log.PendingOf(b))
		}
	})
	t.again(b, dedupe("third"), third, storage.Requeued)
	t.claim(b, third)
	t.twice(func() {
		if c := t.log.Counts(); c.Pending != 1 || c.Failed != 1 || t.log.PendingOf(b) != 1 {
			t.Fatalf("counts %+v, %d of one", c, t.log.PendingOf(b))
		}
	})
	t.attempt(b, third, storage.Delivered)
	t.twice(func() {
		if c := t.log.Counts(); c.Pending != 0 || c.Failed != 1 {
			t.Fatalf("counts %+v", c)
		}
	})
}

func testDrop(t *eventsTest) {
	identity, other := newIdentity(), newIdentity()
	var ids []storage.ID
	for i := range 10 {
		ids = append(ids, t.append(newEvent(identity, ""), dedupe(fmt.Sprint(i))))
	}
	kept := t.append(newEvent(other, "kept"), storage.Dedupe{})
	t.attempt(identity, ids[0], storage.Failed)
	t.claim(identity, ids[1])
	t.reopen()
	t.claim(identity, ids[1])
	t.wantError(t.log.Drop(t.Context(), identity, false), storage.ErrPending)
	if r := t.get(identity, ids[2]); r.Status != storage.Pending {
		t.Fatalf("a refused drop left an event %s", r.Status)
	}
	if err := t.log.Drop(t.Context(), identity, true); err != nil {
		t.Fatal(err)
	}
	if err := t.log.Drop(t.Context(), identity, true); err != nil {
		t.Fatalf("a second drop: %v", err)
	}
	check := func() {
		t.Helper()
		for _, id := range ids {
			_, err := t.log.Get(t.Context(), identity, id)
			t.wantError(err, storage.ErrNotFound)
			_, err = t.log.Claim(t.Context(), identity, id)
			t.wantError(err, storage.ErrNotFound)
		}
		t.wantError(t.log.Finish(t.Context(), identity, ids[1], storage.Attempt{}, storage.Delivered, now()), storage.ErrNotFound)
		if got := t.listAll(identity, "", 10); len(got) != 0 {
			t.Fatalf("%d events are listed", len(got))
		}
		if c := t.log.Counts(); c.Pending != 1 || c.Failed != 0 || t.log.PendingOf(identity) != 0 {
			t.Fatalf("counts %+v", c)
		}
		if r := t.get(other, kept); string(r.Body) != "kept" {
			t.Fatalf("another's event is %q", r.Body)
		}
		// What was still under way for it is refused, not kept.
		_, _, err := t.log.Append(t.Context(), newEvent(identity, ""), dedupe("late"))
		t.wantError(err, storage.ErrNotFound)
	}
	t.twice(check)
	t.reopen()
	check()
	w, stop := t.watch()
	t.eventually("the other's event", func() bool { return len(w.seen(kept)) == 1 })
	stop()
	for _, id := range ids {
		if len(w.seen(id)) != 0 {
			t.Fatal("a dropped event was shown")
		}
	}
}

func testIdentities(t *eventsTest) {
	identity, other := newIdentity(), newIdentity()
	id := t.append(newEvent(identity, ""), storage.Dedupe{})
	t.twice(func() {
		_, err := t.log.Get(t.Context(), other, id)
		t.wantError(err, storage.ErrNotFound)
		_, err = t.log.Claim(t.Context(), other, id)
		t.wantError(err, storage.ErrNotFound)
	})
}

func testClosed(t *eventsTest) {
	identity := newIdentity()
	id := t.append(newEvent(identity, ""), storage.Dedupe{})
	if err := t.log.Close(); err != nil {
		t.Fatal(err)
	}
	if err := t.log.Close(); err != nil {
		t.Fatalf("a second close: %v", err)
	}
	_, _, err := t.log.Append(t.Context(), newEvent(identity, ""), storage.Dedupe{})
	t.wantError(err, storage.ErrUnavailable)
	_, err = t.log.Claim(t.Context(), identity, id)
	t.wantError(err, storage.ErrUnavailable)
	_, err = t.log.Get(t.Context(), identity, id)
	t.wantError(err, storage.ErrUnavailable)
	t.wantError(t.log.Drop(t.Context(), identity, true), storage.ErrUnavailable)
}
