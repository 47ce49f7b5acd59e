package storagetest

import (
	"errors"
	"fmt"
	"time"

	"github.com/hookgate/hookgate/module/storage"
)

func (t *eventsTest) setLimits(limits storage.Limits) { t.log.(storage.Limiter).SetLimits(limits) }

func (t *eventsTest) usage() storage.Usage { return t.log.(storage.Meter).Usage() }

// counted waits until all is counted.
func (t *eventsTest) counted() {
	t.Helper()
	t.eventually("all is counted", func() bool { return t.usage().Counted })
}

// refused appends an event and wants a limit to stand in its way.
func (t *eventsTest) refused(e *storage.Event, limit string) {
	t.Helper()
	_, _, err := t.log.Append(t.Context(), e, storage.Dedupe{})
	t.wantLimit(err, limit)
}

func (t *eventsTest) wantLimit(err error, limit string) {
	t.Helper()
	var reached *storage.LimitError
	if !errors.As(err, &reached) || reached.Limit != limit || !errors.Is(err, storage.ErrUnavailable) {
		t.Fatalf("got %v, want the limit %q", err, limit)
	}
}

// of is an event of an integration of a project.
func of(identity storage.Identity, project string) *storage.Event {
	e := newEvent(identity, "x")
	e.Project = project
	return e
}

func testBacklogLimits(t *eventsTest) {
	t.setLimits(storage.Limits{Backlog: 16})
	var identities []storage.Identity
	for range 6 {
		identities = append(identities, newIdentity())
	}
	fill := func(identity storage.Identity, project string, n int) (ids []storage.ID) {
		t.Helper()
		for i := range n {
			ids = append(ids, t.append(of(identity, project), dedupe(project+fmt.Sprint(i))))
		}
		return ids
	}
	t.counted()

	// An integration has a quarter, and a project half.
	own := fill(identities[0], "a", 4)
	t.refused(of(identities[0], "a"), storage.LimitIntegrationBacklog)
	fill(identities[1], "a", 3)
	last := fill(identities[2], "a", 1)
	t.refused(of(identities[2], "a"), storage.LimitProjectBacklog)
	fill(identities[3], "b", 4)
	fill(identities[4], "c", 4)
	t.refused(of(identities[5], "d"), storage.LimitBacklog)

	// A copy is stored already, and so is what is queued again.
	if id, outcome, err := t.log.Append(t.Context(), of(identities[0], "a"), dedupe("a0")); id != own[0] || outcome != storage.Duplicate || err != nil {
		t.Fatalf("a copy beyond the limit: %v, %v, %v", id, outcome, err)
	}
	t.attempt(identities[0], own[0], storage.Failed)
	fill(identities[5], "d", 1)
	if id, outcome, err := t.log.Append(t.Context(), of(identities[0], "a"), dedupe("a0")); id != own[0] || outcome != storage.Requeued || err != nil {
		t.Fatalf("a failed event beyond the limit: %v, %v, %v", id, outcome, err)
	}

	// A replay counts as an event does.
	t.attempt(identities[2], last[0], storage.Delivered)
	_, err := t.log.Replay(t.Context(), identities[2], last[0], storage.Replay{})
	var reached *storage.LimitError
	if !errors.As(err, &reached) {
		t.Fatalf("a replay beyond the limit: %v", err)
	}

	// The limits are those that were set last, and they outlive no start.
	t.setLimits(storage.Limits{})
	fill(identities[5], "e", 20)
	t.setLimits(storage.Limits{Backlog: 16})
	t.refused(of(identities[5], "e"), storage.LimitBacklog)
	if t.reopen() {
		t.append(of(identities[5], "e"), storage.Dedupe{})
	}
}

func testEventsLimit(t *eventsTest) {
	t.counted()
	t.setLimits(storage.Limits{Events: 32})
	identity := newIdentity()
	first := t.append(newEvent(identity, "first"), storage.Dedupe{})
	var newest storage.ID
	for range 100 {
		newest = t.append(newEvent(identity, "x"), storage.Dedupe{})
		t.attempt(identity, newest, storage.Delivered)
	}
	if n := t.usage().Events; n > 32 {
		t.Fatalf("there are %d events", n)
	}
	for _, id := range []storage.ID{first, newest} {
		t.get(identity, id) // what is pending stays, and what is new
	}
	// Where nothing can be purged, there is no room.
	full := newIdentity()
	for range 32 {
		t.append(newEvent(full, "x"), storage.Dedupe{})
	}
	t.refused(newEvent(full, "x"), storage.LimitIntegrationEvents)
	t.append(newEvent(identity, "x"), storage.Dedupe{})
}

func testRetention(t *eventsTest) {
	identity := newIdentity()
	delivered := t.append(newEvent(identity, "delivered"), dedupe("delivered"))
	failed := t.append(newEvent(identity, "failed"), dedupe("failed"))
	pending := t.append(newEvent(identity, "pending"), dedupe("pending"))
	t.attempt(identity, delivered, storage.Delivered)
	t.attempt(identity, failed, storage.Failed)
	t.setLimits(storage.Limits{Delivered: time.Second, Failed: time.Hour, Remember: time.Hour})
	t.eventually("the delivered event is purged", func() bool {
		_, err := t.log.Get(t.Context(), identity, delivered)
		if err != nil && !errors.Is(err, storage.ErrNotFound) {
			t.Fatal(err)
		}
		return err != nil
	})
	if usage := t.usage(); usage.PurgedDelivered != 1 || usage.PurgedFailed != 0 {
		t.Fatalf("the usage is %+v", usage)
	}
	t.twice(func() {
		// Its copies are copies still.
		t.again(identity, dedupe("delivered"), delivered, storage.Duplicate)
		_, err := t.log.Get(t.Context(), identity, delivered)
		t.wantError(err, storage.ErrNotFound)
		_, err = t.log.Replay(t.Context(), identity, delivered, storage.Replay{})
		t.wantError(err, storage.ErrNotFound)
		for id, status := range map[storage.ID]storage.Status{failed: storage.Failed, pending: storage.Pending} {
			if r := t.get(identity, id); r.Status != status || string(r.Body) != string(status) {
				t.Fatalf("%+v", r)
			}
		}
		records, _, more, err := t.log.List(t.Context(), identity, storage.Query{Limit: 9})
		if err != nil || more || len(records) != 2 || records[0].ID != pending || records[1].ID != failed {
			t.Fatalf("the listing is %+v, %v, %v", records, more, err)
		}
		if counts := t.log.Counts(); counts.Pending != 1 || counts.Failed != 1 {
			t.Fatalf("the counts are %+v", counts)
		}
	})
	t.again(identity, dedupe("failed"), failed, storage.Requeued)
	t.attempt(identity, pending, storage.Delivered)
}

func testUsage(t *eventsTest) {
	small, large := newIdentity(), newIdentity()
	for range 3 {
		t.attempt(small, t.append(newEvent(small, "x"), storage.Dedupe{}), storage.Delivered)
	}
	for range 2 {
		t.append(newEvent(large, string(make([]byte, 10_000))), storage.Dedupe{})
	}
	t.twice(func() {
		t.counted()
		usage := t.usage()
		if usage.Events != 5 || usage.PendingEvents != 2 || usage.PendingBytes < 20_000 || usage.Bytes <= usage.PendingBytes {
			t.Fatalf("the usage is %+v", usage)
		}
		if watcher, ok := t.log.(storage.ClockWatcher); ok && watcher.ClockJump() != 0 {
			t.Fatalf("the clock has jumped by %v", watcher.ClockJump())
		}
		if usage.DiskBytes < usage.Bytes {
			t.Fatalf("%d bytes are on the disk and %d in it", usage.DiskBytes, usage.Bytes)
		}
		if of := usage.Largest; of.Integration != large || of.WebhookID != "hook" || of.Project != "demo" || of.Events != 2 || of.Bytes != usage.PendingBytes {
			t.Fatalf("the largest is %+v", of)
		}
	})
	if err := t.log.Drop(t.Context(), large, true); err != nil {
		t.Fatal(err)
	}
	if usage := t.usage(); usage.Events != 3 || usage.PendingEvents != 0 || usage.PendingBytes != 0 || usage.Largest.Integration != small {
		t.Fatalf("the usage is %+v", usage)
	}
}
