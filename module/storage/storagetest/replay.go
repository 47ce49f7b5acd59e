package storagetest

import (
	"bytes"
	"errors"
	"reflect"
	"sync"
	"time"

	"github.com/hookgate/hookgate/module/storage"
)

// elsewhere is where the replays of these tests go.
var elsewhere = storage.Replay{Alias: "Now", ResourceType: "workflow", ResourceID: "w"}

func (t *eventsTest) replay(identity storage.Identity, id storage.ID) storage.ID {
	t.Helper()
	replay, err := t.log.Replay(t.Context(), identity, id, elsewhere)
	if err != nil || bytes.Compare(replay[:], id[:]) <= 0 {
		t.Fatalf("the replay of %v is %v, %v", id, replay, err)
	}
	return replay
}

// wantNewest checks which event the events of a chain take for its newest.
func (t *eventsTest) wantNewest(identity storage.Identity, newest storage.ID, ids ...storage.ID) {
	t.Helper()
	for _, id := range ids {
		if r := t.get(identity, id); r.Newest != newest {
			t.Fatalf("the newest of %v's chain is %v, want %v", id, r.Newest, newest)
		}
	}
}

func testReplay(t *eventsTest) {
	identity := newIdentity()
	original := newEvent(identity, "body \x00\xff")
	original.ReceivedAt = now().Add(-time.Hour)
	first := t.append(original, dedupe("key"))
	t.attempt(identity, first, storage.Delivered)
	before := now()
	w, stop := t.watch()
	id := t.replay(identity, first)
	t.eventually("the replay", func() bool { return len(w.seen(id)) == 1 })
	if ref := w.seen(id)[0]; ref.Integration != identity || ref.WebhookID != "hook" || ref.ResourceType != "workflow" {
		t.Fatalf("the ref is %+v", ref)
	}
	stop()

	t.twice(func() {
		r := t.get(identity, id)
		want := *original
		want.ID, want.ReceivedAt = id, r.ReceivedAt
		want.Alias, want.ResourceType, want.ResourceID = elsewhere.Alias, elsewhere.ResourceType, elsewhere.ResourceID
		if !reflect.DeepEqual(r.Event, want) {
			t.Fatalf("got %+v, want %+v", r.Event, want)
		}
		if r.ReceivedAt.Before(before) || !r.QueuedAt.Equal(r.ReceivedAt) || r.Due.After(now()) {
			t.Fatalf("received at %v, queued at %v, due at %v", r.ReceivedAt, r.QueuedAt, r.Due)
		}
		if r.Status != storage.Pending || r.Tries != 0 || r.ReplayOf != first || r.Newest != id {
			t.Fatalf("a replay of %v is of %v, newest %v: %+v", first, r.ReplayOf, r.Newest, r.State)
		}
		if r := t.get(identity, first); r.Status != storage.Delivered || !r.ReplayOf.IsZero() || r.Newest != id {
			t.Fatalf("the first is of %v, newest %v: %+v", r.ReplayOf, r.Newest, r.State)
		}
		if n := t.log.PendingOf(identity); n != 1 {
			t.Fatalf("%d events are pending", n)
		}
		records, _, _, err := t.log.List(t.Context(), identity, storage.Query{Limit: 9})
		if err != nil || len(records) != 2 || records[0].ID != id || records[0].ReplayOf != first || records[1].Newest != id {
			t.Fatalf("listed %+v, %v", records, err)
		}
	})
	claimed := t.claim(identity, id)
	if !bytes.Equal(claimed.Body, original.Body) || claimed.ReplayOf != first || claimed.Newest != id {
		t.Fatalf("claimed %+v", claimed)
	}
	t.finish(identity, id, storage.Delivered, now())

	// All of it goes with the integration.
	if err := t.log.Drop(t.Context(), identity, false); err != nil {
		t.Fatal(err)
	}
	t.twice(func() {
		_, err := t.log.Get(t.Context(), identity, id)
		t.wantError(err, storage.ErrNotFound)
		_, err = t.log.Replay(t.Context(), identity, first, elsewhere)
		t.wantError(err, storage.ErrNotFound)
	})
}

func testReplayChain(t *eventsTest) {
	identity := newIdentity()
	chain := []storage.ID{t.append(newEvent(identity, "1"), storage.Dedupe{})}
	other := t.append(newEvent(identity, "2"), storage.Dedupe{})
	t.attempt(identity, other, storage.Failed)
	// Whichever of the chain is replayed, the replay is the newest of it.
	for i, of := range []int{0, 1, 0, 2, 2} {
		newest := chain[len(chain)-1]
		refused := func() {
			for _, id := range chain {
				_, err := t.log.Replay(t.Context(), identity, id, elsewhere)
				t.wantError(err, storage.ErrPending)
			}
		}
		t.twice(refused)
		t.attempt(identity, newest, []storage.Status{storage.Failed, storage.Delivered}[i%2])
		if i%2 == 1 {
			t.reopen()
		}
		for _, id := range chain[:len(chain)-1] {
			_, err := t.log.Replay(t.Context(), identity, id, storage.Replay{Once: true})
			t.wantError(err, storage.ErrReplayed)
		}
		t.wantNewest(identity, newest, chain...)
		replay := t.replay(identity, chain[of])
		if r := t.get(identity, replay); r.ReplayOf != chain[of] || string(r.Body) != "1" {
			t.Fatalf("a replay of %v is of %v, body %q", chain[of], r.ReplayOf, r.Body)
		}
		chain = append(chain, replay)
	}
	newest := chain[len(chain)-1]
	t.twice(func() { t.wantNewest(identity, newest, chain...) })
	t.wantNewest(identity, other, other)
	t.attempt(identity, newest, storage.Failed)
	if _, err := t.log.Replay(t.Context(), identity, newest, storage.Replay{Once: true}); err != nil {
		t.Fatal(err)
	}
	t.replay(identity, other)
}

func testReplaysAtOnce(t *eventsTest) {
	identity := newIdentity()
	id := t.append(newEvent(identity, "1"), dedupe("key"))
	t.attempt(identity, id, storage.Failed)
	const rounds, callers = 10, 8
	for round := range rounds {
		var mu sync.Mutex
		var stored []storage.ID
		requeued := false
		var wait sync.WaitGroup
		for caller := range callers {
			wait.Go(func() {
				if caller == 0 { // a duplicate that comes between
					_, outcome, err := t.log.Append(t.Context(), newEvent(identity, "1"), dedupe("key"))
					if err != nil {
						t.Error(err)
					}
					requeued = outcome == storage.Requeued
					return
				}
				replay, err := t.log.Replay(t.Context(), identity, id, elsewhere)
				switch {
				case err == nil:
					mu.Lock()
					defer mu.Unlock()
					stored = append(stored, replay)
				case !errors.Is(err, storage.ErrPending):
					t.Error(err)
				}
			})
		}
		wait.Wait()
		if n := t.log.PendingOf(identity); n != 1 {
			t.Fatalf("round %d: %d of the chain are pending", round, n)
		}
		newest := t.get(identity, id).Newest
		if requeued == (len(stored) > 0) || len(stored) > 1 {
			t.Fatalf("round %d: %d replays were stored, requeued %v", round, len(stored), requeued)
		}
		if !requeued && newest != stored[0] {
			t.Fatalf("round %d: the newest is %v, stored was %v", round, newest, stored[0])
		}
		t.attempt(identity, newest, storage.Failed)
	}
}

func testReplayDuplicates(t *eventsTest) {
	identity := newIdentity()
	d := dedupe("key")
	first := t.append(newEvent(identity, "1"), d)
	t.attempt(identity, first, storage.Failed)
	replay := t.replay(identity, first)

	// The first has failed; its replay stands for it, pending and delivered.
	t.twice(func() { t.again(identity, d, first, storage.Duplicate) })
	t.attempt(identity, replay, storage.Delivered)
	t.twice(func() { t.again(identity, d, first, storage.Duplicate) })

	// A replay that has failed is queued again, as often as any event.
	replay = t.replay(identity, first)
	for requeued := range d.Requeues {
		t.attempt(identity, replay, storage.Failed)
		if requeued == 1 {
			t.reopen()
		}
		t.again(identity, d, first, storage.Requeued)
		t.again(identity, d, first, storage.Duplicate)
		t.twice(func() {
			if r := t.get(identity, replay); r.Status != storage.Pending || r.Requeued != requeued+1 {
				t.Fatalf("the newest is %+v", r.State)
			}
			if r := t.get(identity, first); r.Status != storage.Failed || r.Requeued != 0 {
				t.Fatalf("the first is %+v", r.State)
			}
		})
		_, err := t.log.Replay(t.Context(), identity, first, elsewhere)
		t.wantError(err, storage.ErrPending)
	}
	t.attempt(identity, replay, storage.Failed)
	t.again(identity, d, first, storage.Duplicate)
}

func testReplayRefuses(t *eventsTest) {
	identity, other := newIdentity(), newIdentity()
	id := t.append(newEvent(identity, "1"), storage.Dedupe{})
	t.attempt(identity, id, storage.Failed)
	_, err := t.log.Replay(t.Context(), identity, storage.ID{1}, elsewhere)
	t.wantError(err, storage.ErrNotFound)
	_, err = t.log.Replay(t.Context(), other, id, elsewhere)
	t.wantError(err, storage.ErrNotFound)
	if err := t.log.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = t.log.Replay(t.Context(), identity, id, elsewhere)
	t.wantError(err, storage.ErrUnavailable)
}
