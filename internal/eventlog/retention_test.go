package eventlog

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/hookgate/hookgate/internal/eventlog/state"
	"github.com/hookgate/hookgate/module/storage"
)

// TestRetention has events of every kind grow old.
func TestRetention(t *testing.T) {
	dir := t.TempDir()
	options, clock := timedOptions(t, dir)
	l := mustOpen(t, options)
	l.SetLimits(week)
	var delivered, failed, pending []storage.ID
	for i := range 90 {
		id := mustAppend(t, l, testEvent(1, payload(i)), keyed(fmt.Sprint(i)))
		switch i % 3 {
		case 0:
			deliver(t, l, id)
			delivered = append(delivered, id)
		case 1:
			fail(t, l, id)
			failed = append(failed, id)
		case 2:
			pending = append(pending, id)
		}
	}
	// The last attempt of a chain decides when its events are old.
	closeSegment(t, l, clock)
	clock.pass(5 * day)
	chain := mustReplay(t, l, delivered[0])
	deliver(t, l, chain)

	before := content(t, l)
	l.compactor.Hurry()
	sameContent(t, l, before)

	clock.pass(2*day + time.Hour)
	collected(t, l)
	want := maps.Clone(before)
	for _, id := range delivered[1:] {
		delete(want, id)
	}
	sameContent(t, l, want)
	if usage := l.Usage(); usage.PurgedDelivered != uint64(len(delivered)-1) || usage.PurgedFailed != 0 {
		t.Fatalf("%+v", usage)
	}
	// Who asks for what is kept elsewhere gets it, and it goes on as before.
	fail(t, l, pending[0])
	if _, outcome, err := l.Append(t.Context(), testEvent(1, "copy"), storage.Dedupe{Key: []byte("2"), Window: 10 * day, Requeues: 1}); outcome != storage.Requeued || err != nil {
		t.Fatal(outcome, err)
	}

	closeSegment(t, l, clock)
	clock.pass(33 * day)
	collected(t, l)
	for _, id := range slices.Concat(delivered, failed, []storage.ID{chain}) {
		delete(want, id)
	}
	if len(want) != len(pending) {
		t.Fatalf("%d events are wanted, %d are pending", len(want), len(pending))
	}
	for _, id := range pending {
		r, err := l.Get(t.Context(), storage.Identity{1}, id)
		if err != nil || r.Status != storage.Pending {
			t.Fatalf("%+v, %v", r, err)
		}
		want[id] = *r
	}
	sameContent(t, l, want)
	for range 2 {
		l.Close()
		l = mustOpen(t, options)
		sameContent(t, l, want)
		if state := l.Health().State; state != "ok" {
			t.Fatalf("the state is %q", state)
		}
		removeIndexAfter(t, l, dir)
	}
	l = mustOpen(t, options)
	for _, id := range pending {
		deliver(t, l, id)
	}
}

// TestRemembered has copies of an event come after it was purged.
func TestRemembered(t *testing.T) {
	dir := t.TempDir()
	options, clock := timedOptions(t, dir)
	l := mustOpen(t, options)
	limits := storage.Limits{Delivered: time.Hour, Failed: time.Hour, Remember: 3 * day}
	l.SetLimits(limits)
	d := storage.Dedupe{Key: []byte("key"), Window: 3 * day, Requeues: 1}
	first := mustAppend(t, l, testEvent(1, "a"), d)
	deliver(t, l, first)
	late := func(want storage.Outcome) storage.ID {
		t.Helper()
		id, outcome, err := l.Append(t.Context(), testEvent(1, "a"), d)
		if err != nil || outcome != want || want == storage.Duplicate && id != first {
			t.Fatalf("%v, %v, %v", id, outcome, err)
		}
		return id
	}
	next := func() {
		t.Helper()
		before := l.oldest()
		eventually(t, "a segment goes", func() bool {
			clock.pass(10 * time.Minute)
			l.compactor.Hurry()
			return l.oldest() > before
		})
	}
	next()
	for range 4 {
		if _, err := l.Get(t.Context(), storage.Identity{1}, first); !errors.Is(err, storage.ErrNotFound) {
			t.Fatal(err)
		}
		late(storage.Duplicate)
		removeIndexAfter(t, l, dir)
		l = mustOpen(t, options)
		l.SetLimits(limits)
		late(storage.Duplicate)
		next()
	}
	clock.pass(3 * day)
	if second := late(storage.Accepted); second == first {
		t.Fatal("the key is of the first event still")
	}
	deliver(t, l, first2(t, l))
	// In the end the index forgets the key.
	clock.pass(4 * day)
	eventually(t, "the key is forgotten", func() bool {
		clock.pass(time.Hour)
		l.compactor.Hurry()
		l.flusher.hurry()
		entry, err := l.indexedEntry(state.DedupeKey{Integration: storage.Identity{1}, Key: "key"})
		return err == nil && entry == state.DedupeEntry{}
	})
}

// first2 is the one event that the log has.
func first2(t *testing.T, l *Log) storage.ID {
	t.Helper()
	for id := range content(t, l) {
		return id
	}
	t.Fatal("there is no event")
	return storage.ID{}
}
