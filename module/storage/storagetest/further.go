package storagetest

import (
	"bytes"
	"fmt"
	"reflect"
	"sync"

	"github.com/hookgate/hookgate/module/storage"
)

// further are the resources beside the first one's in these tests.
var further = []storage.Resource{{Type: "workflow", ID: "w"}, {Type: "assistant", ID: "c"}}

// appendAll appends an event for three resources and returns the IDs, that of the
// first one first.
func (t *eventsTest) appendAll(e *storage.Event, d storage.Dedupe) []storage.ID {
	t.Helper()
	first, outcome, err := t.log.Append(t.Context(), e, d, further...)
	if err != nil || outcome != storage.Accepted || first != e.ID {
		t.Fatalf("append: %v (event %v), outcome %d, %v", first, e.ID, outcome, err)
	}
	records, _, more, err := t.log.List(t.Context(), e.Integration, storage.Query{Limit: 3})
	if err != nil || len(records) != 3 || records[2].ID != first {
		t.Fatalf("listed %d, more %v, %v", len(records), more, err)
	}
	return []storage.ID{first, records[1].ID, records[0].ID}
}

func (t *eventsTest) againAll(identity storage.Identity, d storage.Dedupe, wantID storage.ID, want storage.Outcome) {
	t.Helper()
	id, outcome, err := t.log.Append(t.Context(), newEvent(identity, "again"), d, further...)
	if err != nil || id != wantID || outcome != want {
		t.Fatalf("append again: %v, outcome %d, %v; want %v, outcome %d", id, outcome, err, wantID, want)
	}
}

func (t *eventsTest) wantStatuses(identity storage.Identity, ids []storage.ID, statuses ...storage.Status) {
	t.Helper()
	for i, id := range ids {
		if r := t.get(identity, id); r.Status != statuses[i] {
			t.Fatalf("event %d is %s, want %s", i, r.Status, statuses[i])
		}
	}
}

func testFurther(t *eventsTest) {
	identity := newIdentity()
	t.append(newEvent(identity, "before"), storage.Dedupe{})
	w, stop := t.watch()
	original := newEvent(identity, "body \x00\xff")
	ids := t.appendAll(original, dedupe("key"))
	after := t.append(newEvent(identity, "after"), storage.Dedupe{})
	for i, id := range append(ids, after)[1:] {
		if bytes.Compare(id[:], ids[i][:]) <= 0 {
			t.Fatalf("%v does not come behind %v", id, ids[i])
		}
	}
	resources := append([]storage.Resource{{Type: original.ResourceType, ID: original.ResourceID}}, further...)
	for i, id := range ids {
		t.eventually("the event", func() bool { return len(w.seen(id)) == 1 })
		if ref := w.seen(id)[0]; ref.Integration != identity || ref.ResourceType != resources[i].Type || ref.Size < int64(len(original.Body)) {
			t.Fatalf("the ref is %+v", ref)
		}
	}
	stop()
	t.twice(func() {
		if n := t.log.PendingOf(identity); n != 5 {
			t.Fatalf("%d events are pending", n)
		}
		for i, id := range ids {
			want := *original
			want.ID, want.ResourceType, want.ResourceID = id, resources[i].Type, resources[i].ID
			if r := t.get(identity, id); !reflect.DeepEqual(r.Event, want) || r.Newest != id || !r.ReplayOf.IsZero() {
				t.Fatalf("got %+v, want %+v", r, want)
			}
		}
	})
	// Each goes its own way.
	for i, status := range []storage.Status{storage.Delivered, storage.Failed, storage.Pending} {
		if r := t.claim(identity, ids[i]); !bytes.Equal(r.Body, original.Body) || r.ResourceID != resources[i].ID {
			t.Fatalf("claimed %+v", r)
		}
		if i == 1 {
			if err := t.log.Save(t.Context(), identity, ids[i], []byte("progress")); err != nil {
				t.Fatal(err)
			}
		}
		t.finish(identity, ids[i], status, now())
	}
	t.twice(func() {
		t.wantStatuses(identity, ids, storage.Delivered, storage.Failed, storage.Pending)
		for i, progress := range []string{"", "progress", ""} {
			if r := t.get(identity, ids[i]); string(r.Progress) != progress || r.Tries != 1 {
				t.Fatalf("event %d: %+v", i, r.State)
			}
		}
	})
	t.wantError(t.log.Drop(t.Context(), identity, false), storage.ErrPending)
	if err := t.log.Drop(t.Context(), identity, true); err != nil {
		t.Fatal(err)
	}
	t.twice(func() {
		for _, id := range ids {
			_, err := t.log.Get(t.Context(), identity, id)
			t.wantError(err, storage.ErrNotFound)
		}
	})
}

func testFurtherCopies(t *eventsTest) {
	identity := newIdentity()
	d := dedupe("key")
	ids := t.appendAll(newEvent(identity, "1"), d)
	t.againAll(identity, d, ids[0], storage.Duplicate)
	t.again(identity, d, ids[0], storage.Duplicate) // the resources do not count
	t.attempt(identity, ids[0], storage.Delivered)
	t.attempt(identity, ids[1], storage.Failed)
	t.reopen()
	t.againAll(identity, d, ids[0], storage.Requeued)
	t.againAll(identity, d, ids[0], storage.Duplicate)
	t.twice(func() {
		t.wantStatuses(identity, ids, storage.Delivered, storage.Pending, storage.Pending)
		for i, requeued := range []int{0, 1, 0} {
			if r := t.get(identity, ids[i]); r.Requeued != requeued || r.QueuedTries != requeued {
				t.Fatalf("event %d was queued again %d times, after %d tries", i, r.Requeued, r.QueuedTries)
			}
		}
	})
	// Two of them, when the integration has one resource by now.
	t.attempt(identity, ids[1], storage.Failed)
	t.attempt(identity, ids[2], storage.Failed)
	t.again(identity, d, ids[0], storage.Requeued)
	t.twice(func() { t.wantStatuses(identity, ids, storage.Delivered, storage.Pending, storage.Pending) })
	// One of them has been queued again as often as may be.
	t.attempt(identity, ids[1], storage.Failed)
	t.againAll(identity, d, ids[0], storage.Duplicate)
	t.attempt(identity, ids[2], storage.Failed)
	t.againAll(identity, d, ids[0], storage.Requeued)
	t.twice(func() {
		t.wantStatuses(identity, ids, storage.Delivered, storage.Failed, storage.Pending)
		t.againAll(identity, d, ids[0], storage.Duplicate)
	})
	if n := t.log.PendingOf(identity); n != 1 {
		t.Fatalf("%d are pending", n)
	}
	t.copiesForAll(identity)
}

// copiesForAll has copies come at once.
func (t *eventsTest) copiesForAll(identity storage.Identity) {
	t.Helper()
	before := t.log.PendingOf(identity)
	const rounds, copies = 10, 6
	for round := range rounds {
		outcomes := make([]storage.Outcome, copies)
		var wait sync.WaitGroup
		for i := range copies {
			wait.Go(func() {
				var err error
				_, outcomes[i], err = t.log.Append(t.Context(), newEvent(identity, "x"), dedupe(fmt.Sprint(round)), further...)
				if err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		accepted := 0
		for _, outcome := range outcomes {
			if outcome == storage.Accepted {
				accepted++
			}
		}
		if accepted != 1 {
			t.Fatalf("round %d: %d of %d copies were accepted", round, accepted, copies)
		}
	}
	t.twice(func() {
		if n := t.log.PendingOf(identity) - before; n != 3*rounds {
			t.Fatalf("%d events are pending, want %d", n, 3*rounds)
		}
	})
}

func testFurtherReplays(t *eventsTest) {
	identity := newIdentity()
	d := dedupe("key")
	ids := t.appendAll(newEvent(identity, "1"), d)
	for _, id := range ids {
		t.attempt(identity, id, storage.Failed)
	}
	// What has a replay is judged by it.
	delivered := t.replay(identity, ids[0])
	t.attempt(identity, delivered, storage.Delivered)
	failed := t.replay(identity, ids[1])
	t.attempt(identity, failed, storage.Failed)
	t.wantNewest(identity, delivered, ids[0], delivered)
	t.wantNewest(identity, failed, ids[1], failed)
	t.wantNewest(identity, ids[2], ids[2])
	t.reopen()
	t.againAll(identity, d, ids[0], storage.Requeued)
	t.twice(func() {
		t.wantStatuses(identity, append(ids, delivered, failed), storage.Failed, storage.Failed, storage.Pending, storage.Delivered, storage.Pending)
		_, err := t.log.Replay(t.Context(), identity, ids[1], elsewhere)
		t.wantError(err, storage.ErrPending)
	})
	if replay := t.replay(identity, ids[0]); t.get(identity, replay).ReplayOf != ids[0] {
		t.Fatal("a replay does not know of what it is one")
	}
}

func testFurtherLimits(t *eventsTest) {
	t.setLimits(storage.Limits{Backlog: 40})
	t.counted()
	identity := newIdentity()
	for range 3 {
		t.appendAll(newEvent(identity, "x"), storage.Dedupe{})
	}
	refused := func(limit string) {
		t.Helper()
		_, _, err := t.log.Append(t.Context(), newEvent(identity, "x"), storage.Dedupe{}, further...)
		t.wantLimit(err, limit)
	}
	refused(storage.LimitIntegrationBacklog) // which is 10
	t.append(newEvent(identity, "x"), storage.Dedupe{})
	t.refused(newEvent(identity, "x"), storage.LimitIntegrationBacklog)
	if usage := t.usage(); usage.Events != 10 || usage.PendingEvents != 10 {
		t.Fatalf("the usage is %+v", usage)
	}
	// Room is made for all of them, and who has none may have as many at once.
	t.setLimits(storage.Limits{Events: 10})
	refused(storage.LimitIntegrationEvents)
	t.setLimits(storage.Limits{})
	records, _, _, err := t.log.List(t.Context(), identity, storage.Query{Limit: 10})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records[1:] {
		t.attempt(identity, r.ID, storage.Delivered)
	}
	t.setLimits(storage.Limits{Events: 10})
	t.appendAll(newEvent(identity, "x"), storage.Dedupe{})
	t.setLimits(storage.Limits{Events: 2})
	other := newIdentity()
	t.appendAll(newEvent(other, "x"), storage.Dedupe{})
	_, _, err = t.log.Append(t.Context(), newEvent(other, "x"), storage.Dedupe{}, further...)
	t.wantLimit(err, storage.LimitIntegrationEvents)
}
