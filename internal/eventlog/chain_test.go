package eventlog

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hookgate/hookgate/internal/eventlog/state"
	"github.com/hookgate/hookgate/module/storage"
)

var again = storage.Replay{ResourceType: "workflow", ResourceID: "w"}

func mustReplay(t testing.TB, l *Log, id storage.ID) storage.ID {
	t.Helper()
	replay, err := l.Replay(t.Context(), storage.Identity{1}, id, again)
	if err != nil {
		t.Fatal(err)
	}
	return replay
}

// fail ends an attempt for good.
func fail(t testing.TB, l *Log, id storage.ID) {
	t.Helper()
	if _, err := l.Claim(t.Context(), storage.Identity{1}, id); err != nil {
		t.Fatal(err)
	}
	if err := l.Finish(t.Context(), storage.Identity{1}, id, storage.Attempt{}, storage.Failed, time.Time{}); err != nil {
		t.Fatal(err)
	}
}

// TestChainsAreRecovered looks for a chain after every way to start: with an
// index that has all of it, some of it, one end of it, or nothing.
func TestChainsAreRecovered(t *testing.T) {
	for name, leave := range map[string]func(*testing.T, *Log, string) string{
		"closed": func(t *testing.T, l *Log, dir string) string { l.Close(); return dir },
		"killed": killed,
		"without an index": func(t *testing.T, l *Log, dir string) string {
			dir = killed(t, l, dir)
			removeIndex(t, dir)
			return dir
		},
		"with the replay alone in the index": func(t *testing.T, l *Log, dir string) string {
			one := state.NewMemtable()
			for id, c := range l.active.Events[storage.Identity{1}] {
				if c.Now.Chain.Newest.IsZero() {
					one.Put(l.active.Events[storage.Identity{1}][id].Now, c.Indexed)
				}
			}
			if err := l.write(one, l.mark(t)); err != nil {
				t.Fatal(err)
			}
			return killed(t, l, dir)
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			options := testOptions(t, dir)
			options.FlushEvery = time.Hour
			l := mustOpen(t, options)
			first := mustAppend(t, l, testEvent(1, "a"), keyed("a"))
			fail(t, l, first)
			l.flusher.flush(false)
			middle := mustReplay(t, l, first)
			fail(t, l, middle)
			newest := mustReplay(t, l, middle)
			options.Dir = leave(t, l, dir)

			l = mustOpen(t, options)
			for id, of := range map[storage.ID]storage.ID{first: {}, middle: first, newest: middle} {
				r, err := l.Get(t.Context(), storage.Identity{1}, id)
				if err != nil || r.Newest != newest || r.ReplayOf != of || string(r.Body) != "a" {
					t.Fatalf("%+v, %v", r, err)
				}
			}
			if _, err := l.Replay(t.Context(), storage.Identity{1}, first, again); !errors.Is(err, storage.ErrPending) {
				t.Fatalf("a replay beside another: %v", err)
			}
			fail(t, l, newest)
			if id, outcome, err := l.Append(t.Context(), testEvent(1, "a"), keyed("a")); id != first || outcome != storage.Requeued || err != nil {
				t.Fatalf("%v, %v, %v", id, outcome, err)
			}
			if r, err := l.Get(t.Context(), storage.Identity{1}, newest); err != nil || r.Status != storage.Pending {
				t.Fatalf("%+v, %v", r, err)
			}
			if state := l.Health().State; state != "ok" {
				t.Fatalf("the state is %q", state)
			}
		})
	}
}

// mark is how far the index is.
func (l *Log) mark(t *testing.T) (mark watermark) {
	t.Helper()
	view := l.index.View()
	defer view.Close()
	err := view.Get([]byte{watermarkKey}, func(value []byte) (err error) {
		mark, err = decodeWatermark(value)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return mark
}

// inOneGroup makes calls in turn that share a group, whose sync ends as told.
func inOneGroup(t *testing.T, l *Log, disk *faultyDisk, fault error, calls ...func()) {
	t.Helper()
	open := disk.shut(t)
	var wait sync.WaitGroup
	wait.Go(func() { _, _, _ = l.Append(t.Context(), testEvent(1, "other"), storage.Dedupe{}) })
	eventually(t, "a group that waits for its sync", func() bool {
		disk.mu.Lock()
		defer disk.mu.Unlock()
		return disk.waits
	})
	for i, call := range calls {
		wait.Go(call)
		eventually(t, "a call is queued", func() bool {
			return l.journal.Queued() == i+1
		})
	}
	disk.set(func(d *faultyDisk) { d.sync = fault })
	open()
	wait.Wait()
}

// TestChainsInAFailedGroup has a duplicate share the group of what happens to
// the chain, and its fate.
func TestChainsInAFailedGroup(t *testing.T) {
	for name, fault := range map[string]error{"kept": nil, "failed": syscall.EIO} {
		t.Run(name, func(t *testing.T) {
			options, disk := faultyOptions(t, t.TempDir())
			options.FlushEvery = time.Hour
			l := mustOpen(t, options)
			first := mustAppend(t, l, testEvent(1, "a"), keyed("a"))
			fail(t, l, first)
			check := func(newest storage.ID, outcomes [2]storage.Outcome, want storage.Outcome, errs [2]error) {
				t.Helper()
				for i, err := range errs {
					if (fault == nil) != (err == nil) || fault != nil && !errors.Is(err, storage.ErrUnavailable) {
						t.Fatalf("call %d: %v", i, err)
					}
				}
				if fault == nil && outcomes != [2]storage.Outcome{want, storage.Duplicate} {
					t.Fatalf("the outcomes are %v", outcomes)
				}
				if r, err := l.Get(t.Context(), storage.Identity{1}, first); err != nil || r.Newest != newest || r.Status != storage.Failed {
					t.Fatalf("%+v, %v", r, err)
				}
			}
			var outcomes [2]storage.Outcome
			var errs [2]error
			copied := func(i int) func() {
				return func() { _, outcomes[i], errs[i] = l.Append(t.Context(), testEvent(1, "a"), keyed("a")) }
			}
			newest := first
			inOneGroup(t, l, disk, fault, func() {
				if id, err := l.Replay(t.Context(), storage.Identity{1}, first, again); err == nil {
					newest = id
				} else {
					errs[0] = err
				}
			}, copied(1))
			check(newest, outcomes, storage.Accepted, errs)

			disk.set(func(d *faultyDisk) { d.sync = nil })
			if fault != nil {
				eventually(t, "the log can be written", func() bool {
					_, _, err := l.Append(t.Context(), testEvent(1, "b"), storage.Dedupe{})
					return err == nil
				})
				newest = mustReplay(t, l, first)
			}
			fail(t, l, newest)
			inOneGroup(t, l, disk, fault, copied(0), copied(1))
			check(newest, outcomes, storage.Requeued, errs)
			want := storage.Failed
			if fault == nil {
				want = storage.Pending
			}
			if r, err := l.Get(t.Context(), storage.Identity{1}, newest); err != nil || r.Status != want {
				t.Fatalf("%+v, %v", r, err)
			}
		})
	}
}

// TestReplayOfADamagedEvent finds the body unreadable.
func TestReplayOfADamagedEvent(t *testing.T) {
	dir := t.TempDir()
	l := mustOpen(t, testOptions(t, dir))
	id := mustAppend(t, l, testEvent(1, payload(0)), storage.Dedupe{})
	fail(t, l, id)
	e, _, err := l.look(storage.Identity{1}, id)
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.OpenFile(filepath.Join(segmentFiles(t, dir)[0]), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.WriteAt([]byte("damage"), e.Place.Offset+100); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Replay(t.Context(), storage.Identity{1}, id, again); !errors.Is(err, storage.ErrCorrupt) {
		t.Fatalf("the replay of a damaged event: %v", err)
	}
	if l.PendingOf(storage.Identity{1}) != 0 || l.Health().State != "corrupt" {
		t.Fatalf("%d are pending, the state is %q", l.PendingOf(storage.Identity{1}), l.Health().State)
	}
}
