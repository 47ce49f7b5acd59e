package storagetest

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hookgate/hookgate/module/storage"
)

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

// An event that has the key of an earlier version is found as well, and its own key
// counts first.
func testFormerKey(t *eventsTest) {
	identity := newIdentity()
	old := t.append(newEvent(identity, "1"), dedupe("old"))
	d := dedupe("new")
	d.Former = []byte("old")
	t.twice(func() { t.again(identity, d, old, storage.Duplicate) })
	t.attempt(identity, old, storage.Failed)
	t.again(identity, d, old, storage.Requeued)
	unknown := dedupe("other")
	unknown.Former = []byte("nothing")
	fresh := t.append(newEvent(identity, "2"), unknown)
	unknown.Former = []byte("old")
	t.twice(func() { t.again(identity, unknown, fresh, storage.Duplicate) })
	if id, outcome, err := t.log.Append(t.Context(), newEvent(newIdentity(), "1"), d); outcome != storage.Accepted || err != nil {
		t.Fatalf("under another integration: %v, %d, %v", id, outcome, err)
	}
}

// atOnce stores copies of an event at once, and returns the ID of the one that was
// accepted. The others must be told the same.
func atOnce(t *testing.T, copies int, store func(i int) (storage.ID, storage.Outcome, error)) storage.ID {
	t.Helper()
	ids, outcomes := make([]storage.ID, copies), make([]storage.Outcome, copies)
	var wait sync.WaitGroup
	for i := range copies {
		wait.Go(func() {
			var err error
			if ids[i], outcomes[i], err = store(i); err != nil {
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
			t.Fatal("two IDs for one event")
		}
	}
	if accepted != 1 {
		t.Fatalf("%d of %d copies were accepted", accepted, copies)
	}
	return ids[0]
}

func testCopiesAtOnce(t *eventsTest) {
	identity := newIdentity()
	const rounds, copies = 20, 8
	for round := range rounds {
		atOnce(t.T, copies, func(int) (storage.ID, storage.Outcome, error) {
			return t.log.Append(t.Context(), newEvent(identity, "x"), dedupe(fmt.Sprint(round)))
		})
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
