package eventlog

import (
	"fmt"
	"testing"

	"github.com/hookgate/hookgate/internal/eventlog/state"
	"github.com/hookgate/hookgate/module/storage"
)

// TestFurtherKeptElsewhere has the segment go in which several events began at
// once: what is left of them goes on in places of its own, and is found by
// copies still.
func TestFurtherKeptElsewhere(t *testing.T) {
	dir := t.TempDir()
	options, clock := timedOptions(t, dir)
	l := mustOpen(t, options)
	l.SetLimits(storage.Limits{Delivered: day, Failed: day, Remember: 30 * day})
	long := storage.Dedupe{Key: []byte("key"), Window: 30 * day, Requeues: 5}
	ids := mustAppendAll(t, l, "body", long)
	deliver(t, l, ids[0])
	fail(t, l, ids[1])
	want := content(t, l)
	closeSegment(t, l, clock)
	clock.pass(2 * day)
	collected(t, l)
	// The first stays with the last, which is pending; the second may go.
	delete(want, ids[1])
	sameContent(t, l, want)
	removeIndexAfter(t, l, dir)
	l = mustOpen(t, options)
	sameContent(t, l, want)
	l.SetLimits(storage.Limits{Delivered: day, Failed: day, Remember: 30 * day})

	copied := func(outcome storage.Outcome) {
		t.Helper()
		id, got, err := l.Append(t.Context(), testEvent(1, "copy"), long, beside...)
		if id != ids[0] || got != outcome || err != nil {
			t.Fatal(id, got, err)
		}
	}
	copied(storage.Duplicate)
	fail(t, l, ids[2])
	copied(storage.Requeued)
	deliver(t, l, ids[2])
	copied(storage.Duplicate)
	closeSegment(t, l, clock)
	clock.pass(2 * day)
	collected(t, l)
	sameContent(t, l, nil)
	copied(storage.Duplicate) // they are remembered
}

// TestFurtherShareOn has several events relocated together: they
// take no more room than before.
func TestFurtherShareOn(t *testing.T) {
	dir := t.TempDir()
	options, clock := timedOptions(t, dir)
	l := mustOpen(t, options)
	limits := storage.Limits{Delivered: day, Failed: day, Remember: day}
	l.SetLimits(limits)
	ids := mustAppendAll(t, l, "body", keyed("key"))
	places := func() (all []state.Place) {
		for _, id := range ids {
			if e, _, err := l.look(storage.Identity{1}, id); err == nil {
				all = append(all, e.Place)
			}
		}
		return all
	}
	later := func() {
		t.Helper()
		closeSegment(t, l, clock)
		clock.pass(2 * day)
		collected(t, l)
	}
	want, before := content(t, l), places()
	later()
	all := places()
	if len(all) != 3 || all[0] == before[0] || all[0] != all[1] || all[0] != all[2] {
		t.Fatalf("they are in %v, and were in %v", all, before)
	}
	sameContent(t, l, want)
	if _, outcome, err := l.Append(t.Context(), testEvent(1, "copy"), storage.Dedupe{Key: []byte("key"), Window: 30 * day}, beside...); outcome != storage.Duplicate || err != nil {
		t.Fatal(outcome, err)
	}

	// One of them goes, and the others stay together, also for a new index.
	deliver(t, l, ids[1])
	later()
	delete(want, ids[1])
	if all := places(); len(all) != 2 || all[0] != all[1] {
		t.Fatalf("they are in %v", all)
	}
	sameContent(t, l, want)
	removeIndexAfter(t, l, dir)
	l = mustOpen(t, options)
	l.SetLimits(limits)
	sameContent(t, l, want)

	// What happens to one meanwhile stays its own.
	if _, err := l.Claim(t.Context(), storage.Identity{1}, ids[2]); err != nil {
		t.Fatal(err)
	}
	if err := l.Save(t.Context(), storage.Identity{1}, ids[2], []byte("progress")); err != nil {
		t.Fatal(err)
	}
	later()
	if r, err := l.Get(t.Context(), storage.Identity{1}, ids[2]); err != nil || string(r.Progress) != "progress" || string(r.Body) != "body" {
		t.Fatal(r, err)
	}
	if r, err := l.Get(t.Context(), storage.Identity{1}, ids[0]); err != nil || r.Progress != nil {
		t.Fatal(r, err)
	}
	if all := places(); len(all) != 2 || all[0] != all[1] {
		t.Fatalf("they are in %v", all)
	}
}

// TestFurtherGoTogether has failed events go before their time: those that were
// accepted at once all go, or none of them, so a copy finds what stays.
func TestFurtherGoTogether(t *testing.T) {
	l := mustOpen(t, quietOptions(t, t.TempDir()))
	dedupe := func(i int) storage.Dedupe { return keyed(fmt.Sprint(i)) }
	var groups [][]storage.ID
	for i := range 20 {
		ids := mustAppendAll(t, l, "body", dedupe(i))
		for _, id := range ids {
			fail(t, l, id)
		}
		groups = append(groups, ids)
	}
	eventually(t, "all is counted", func() bool { return l.Usage().Counted })
	const most = 32 // of which 28 are left, and that is no multiple of three
	l.SetLimits(storage.Limits{Events: most, Remember: day})
	eventually(t, "events go", func() bool { return l.Usage().Events < most })
	turned(t, l)
	for i, ids := range groups {
		there := 0
		for _, id := range ids {
			if _, err := l.Get(t.Context(), storage.Identity{1}, id); err == nil {
				there++
			}
		}
		want := storage.Duplicate
		if i > 10 {
			want = storage.Requeued
		}
		if _, outcome, err := l.Append(t.Context(), testEvent(1, "body"), dedupe(i), beside...); outcome != want || err != nil {
			t.Errorf("of group %d there are %d events, and a copy is %v, %v", i, there, outcome, err)
		}
		if (there == 0) != (want == storage.Duplicate) || there%3 > 0 {
			t.Errorf("of group %d there are %d events", i, there)
		}
	}
}
