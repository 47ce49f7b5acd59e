package eventlog

import (
	"errors"
	"sync"
	"testing"

	"github.com/hookgate/hookgate/module/storage"
)

// TestDropAgainstAppends: of an integration that is dropped without force while
// it is appended to, either nothing was appended or nothing is dropped.
func TestDropAgainstAppends(t *testing.T) {
	l := mustOpen(t, testOptions(t, t.TempDir()))
	for round := range 200 {
		identity := storage.Identity{1, byte(round), byte(round >> 8)}
		var posters sync.WaitGroup
		var accepted [4]bool
		for i := range accepted {
			posters.Go(func() {
				_, _, err := l.Append(t.Context(), &storage.Event{Integration: identity}, storage.Dedupe{})
				if err != nil && !errors.Is(err, storage.ErrNotFound) {
					t.Error(err)
				}
				accepted[i] = err == nil
			})
		}
		err := l.Drop(t.Context(), identity, false)
		posters.Wait()
		switch {
		case errors.Is(err, storage.ErrPending):
			if l.PendingOf(identity) != len(accepted) {
				t.Fatalf("a refused drop left %d of %d events", l.PendingOf(identity), len(accepted))
			}
		case err != nil:
			t.Fatal(err)
		case accepted != [4]bool{}:
			t.Fatalf("acknowledged events were dropped: %v", accepted)
		}
	}
}

// TestDropInTheGroupOfAnAppend: an append and a drop that are taken together.
func TestDropInTheGroupOfAnAppend(t *testing.T) {
	l := mustOpen(t, testOptions(t, t.TempDir()))
	identity := storage.Identity{2}
	added, drop := newOp(), newOp()
	event := &storage.Event{Integration: identity, ReceivedAt: l.now()}
	added.record = record{kind: accepted, identity: identity, event: event}
	drop.record = record{kind: dropped, identity: identity}

	l.queue.mu.Lock()
	l.queue.ops = append(l.queue.ops, added, drop)
	l.queue.mu.Unlock()
	l.queue.wake <- struct{}{}
	<-added.done
	<-drop.done
	if added.err != nil || !errors.Is(drop.err, storage.ErrPending) || l.PendingOf(identity) != 1 {
		t.Errorf("the append: %v; the drop: %v; %d pending", added.err, drop.err, l.PendingOf(identity))
	}
}
