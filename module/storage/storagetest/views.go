package storagetest

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/hookgate/hookgate/module/storage"
)

// watcher collects what a watch says.
type watcher struct {
	mu   sync.Mutex
	refs map[storage.ID][]storage.Ref
}

func (t *eventsTest) watch() (*watcher, func()) {
	t.Helper()
	w := &watcher{refs: make(map[storage.ID][]storage.Ref)}
	stop, err := t.log.Watch(storage.Watcher{Pending: w.pending})
	if err != nil {
		t.Fatal(err)
	}
	return w, stop
}

func (w *watcher) pending(ref storage.Ref) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.refs[ref.ID] = append(w.refs[ref.ID], ref)
}

func (w *watcher) seen(id storage.ID) []storage.Ref {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.refs[id])
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
		if _, err := t.log.Watch(storage.Watcher{Pending: func(storage.Ref) {}}); err == nil {
			t.Fatal("a second watcher was taken")
		}
		fresh := t.append(newEvent(identity, "new"), storage.Dedupe{})
		t.eventually("the new event", func() bool { return len(w.seen(fresh)) == 1 })
		ref := w.seen(fresh)[0]
		if ref.Integration != identity || ref.WebhookID != "hook" || ref.Project != "demo" ||
			ref.ResourceType != "assistant" || ref.ResourceID != "a/b" || ref.Due.After(now()) || ref.Size < int64(len(newEvent(identity, "1").Body)) {
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
	if !t.once { // else it is claimed still
		t.claim(b, third)
	}
	t.finish(b, third, storage.Delivered, now())
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
	if t.reopen() {
		t.claim(identity, ids[1])
	}
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
	_, _, err = t.log.Open(t.Context(), identity, id)
	t.wantError(err, storage.ErrUnavailable)
	t.wantError(t.log.Drop(t.Context(), identity, true), storage.ErrUnavailable)
}
