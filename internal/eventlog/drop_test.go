package eventlog

import (
	"encoding/binary"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/hookgate/hookgate/internal/eventlog/state"
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
	event := &storage.Event{Integration: identity, ReceivedAt: l.now()}
	command := state.NewAppend(event, storage.Dedupe{}, nil)
	added, drop := l.newOp(&command), l.newOp(&state.Drop{Of: identity})

	if err := l.journal.Queue(&added.Call, &drop.Call); err != nil {
		t.Fatal(err)
	}
	addErr, dropErr := l.journal.Wait(&added.Call), l.journal.Wait(&drop.Call)
	if addErr != nil || !errors.Is(dropErr, storage.ErrPending) || l.PendingOf(identity) != 1 {
		t.Errorf("the append: %v; the drop: %v; %d pending", addErr, dropErr, l.PendingOf(identity))
	}
}

// marks counts what is left of dropped integrations, in memory and in the index.
func marksOfDropped(t *testing.T, l *Log) (n int) {
	t.Helper()
	view := l.index.View()
	defer view.Close()
	if err := view.Keys([]byte{droppedKey}, func([]byte) (bool, error) {
		n++
		return true, nil
	}); err != nil {
		t.Fatal(err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return n + len(l.dropped)
}

func forgotten(t *testing.T, l *Log, clock *fakeTime) {
	t.Helper()
	eventually(t, "dropped integrations are purged", func() bool {
		view := l.index.View()
		defer view.Close()
		all := true
		if err := view.Ascend([]byte{droppedKey}, func(_, value []byte) (bool, error) {
			all = all && len(value) > 0
			return all, nil
		}); err != nil {
			t.Fatal(err)
		}
		return all
	})
	clock.pass(forgetAfter * time.Millisecond)
	eventually(t, "dropped integrations are forgotten", func() bool {
		l.flusher.hurry()
		return marksOfDropped(t, l) == 0
	})
}

// Integrations that are made and dropped without end leave nothing behind, and what
// was dropped never comes back, from whatever the log is opened.
func TestDropsWithoutEnd(t *testing.T) {
	dir := t.TempDir()
	options, clock := timedOptions(t, dir)
	l := mustOpen(t, options)
	l.SetLimits(week)
	const drops = 200
	identity := func(i int) (identity storage.Identity) {
		binary.BigEndian.PutUint64(identity[:], uint64(i+1))
		return identity
	}
	ids := make([]storage.ID, drops)
	for i := range drops {
		event := &storage.Event{Integration: identity(i), Body: []byte(payload(i))}
		ids[i] = mustAppend(t, l, event, keyed("key"))
		if err := l.Drop(t.Context(), identity(i), true); err != nil {
			t.Fatal(err)
		}
	}
	relocated := mustAppend(t, l, testEvent(99, "kept"), storage.Dedupe{})
	check := func(when string) {
		t.Helper()
		for i, id := range ids {
			if _, err := l.Get(t.Context(), identity(i), id); !errors.Is(err, storage.ErrNotFound) {
				t.Fatalf("%s: event %d is there: %v", when, i, err)
			}
		}
		if counts := l.Counts(); counts.Pending != 1 || l.Health().State != "ok" {
			t.Fatalf("%s: %+v, %s", when, counts, l.Health().State)
		}
		if _, err := l.Get(t.Context(), storage.Identity{99}, relocated); err != nil {
			t.Fatalf("%s: another's event: %v", when, err)
		}
	}
	refused := func(when string) {
		t.Helper()
		_, _, err := l.Append(t.Context(), &storage.Event{Integration: identity(0)}, storage.Dedupe{})
		if !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("%s: an event of a dropped integration: %v", when, err)
		}
	}
	again := func(rebuild bool) {
		t.Helper()
		if rebuild {
			removeIndexAfter(t, l, dir)
		} else if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		l = mustOpen(t, options)
		l.SetLimits(week)
	}
	check("dropped")
	refused("dropped")
	again(false)
	refused("opened again")
	clock.pass(forgetAfter*time.Millisecond - time.Second)
	refused("a little later")
	forgotten(t, l, clock)
	check("forgotten")
	again(false)
	check("forgotten and opened again")
	if n := marksOfDropped(t, l); n != 0 {
		t.Errorf("%d marks are back", n)
	}
	again(true)
	check("rebuilt")
	forgotten(t, l, clock)
	closeSegment(t, l, clock)
	for day := range 10 {
		clock.pass(24 * time.Hour)
		collected(t, l)
		again(day%2 == 0)
		check("as segments go")
	}
	again(true)
	if n := marksOfDropped(t, l); n != 0 {
		t.Errorf("the log has %d marks still", n)
	}
}

// What the first version has marked for ever is forgotten, too.
func TestDroppedByTheFirstVersion(t *testing.T) {
	options, clock := timedOptions(t, t.TempDir())
	l := mustOpen(t, options)
	mustAppend(t, l, testEvent(1, "a"), storage.Dedupe{})
	w := indexWriter{log: l}
	w.set(identityKey(droppedKey, storage.Identity{7}), []byte{goneVersion}, false)
	w.commit()
	if err := errors.Join(w.err, l.Close()); err != nil {
		t.Fatal(err)
	}
	l = mustOpen(t, options)
	forgotten(t, l, clock)
}
