package eventlog

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/hookgate/hookgate/module/storage"
)

// removeIndexAfter closes the log and removes its index.
func removeIndexAfter(t *testing.T, l *Log, dir string) {
	t.Helper()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	removeIndex(t, dir)
}

// TestDamageInACollectedSegment has an event outlive the record that cannot be
// read any more.
func TestDamageInACollectedSegment(t *testing.T) {
	dir := t.TempDir()
	options, clock := timedOptions(t, dir)
	l := mustOpen(t, options)
	l.SetLimits(week)
	var ids []storage.ID
	for i := range 40 {
		ids = append(ids, mustAppend(t, l, testEvent(1, payload(i)), storage.Dedupe{}))
	}
	fail(t, l, ids[1])
	l.Close()
	files := segmentFiles(t, dir)
	flip := func(path string, at int64, n int) {
		rewrite(t, path, func(raw []byte) []byte {
			for i := range n {
				raw[int(at)+i] ^= 1
			}
			return raw
		})
	}
	flip(files[0], 4096+100, 1) // the first event
	flip(files[1], 0, 4096)     // a header, and with it the segment
	l = mustOpen(t, options)
	eventually(t, "all is counted", func() bool { return l.Usage().Counted })
	l.SetLimits(week)
	clock.pass(8 * day)
	collected(t, l)
	damaged := 0
	for i, id := range ids {
		r, err := l.Get(t.Context(), storage.Identity{1}, id)
		switch {
		case errors.Is(err, storage.ErrCorrupt):
			damaged++
		case err != nil || string(r.Body) != payload(i):
			t.Fatalf("event %d: %v", i, err)
		}
	}
	if damaged < 5 || damaged > 20 || l.Health().State != "corrupt" || l.PendingOf(storage.Identity{1}) != len(ids)-1 {
		t.Fatalf("%d are damaged, the state is %q, %d are pending", damaged, l.Health().State, l.PendingOf(storage.Identity{1}))
	}
	// What is pending and damaged fails when its turn comes, also after the index
	// was rebuilt.
	l.Close()
	removeIndex(t, dir)
	l = mustOpen(t, options)
	if _, err := l.Claim(t.Context(), storage.Identity{1}, ids[0]); !errors.Is(err, storage.ErrCorrupt) {
		t.Fatalf("claiming a damaged event: %v", err)
	}
	if e, _, err := l.look(storage.Identity{1}, ids[0]); err != nil || e.Status != storage.Failed {
		t.Fatalf("%+v, %v", e, err)
	}
}

// TestMissingStartIsNoticed removes segments behind the log's back, before and
// after it has removed some itself.
func TestMissingStartIsNoticed(t *testing.T) {
	for _, rebuild := range []bool{false, true} {
		for _, extra := range []int{0, 1} {
			t.Run(fmt.Sprint(rebuild, extra), func(t *testing.T) {
				dir := t.TempDir()
				options, clock := timedOptions(t, dir)
				l := mustOpen(t, options)
				l.SetLimits(week)
				for i := range 40 {
					mustAppend(t, l, testEvent(1, payload(i)), storage.Dedupe{})
				}
				clock.pass(8 * day)
				collected(t, l)
				for i := range 40 {
					mustAppend(t, l, testEvent(1, payload(i)), storage.Dedupe{})
				}
				l.Close()
				for _, file := range segmentFiles(t, dir)[:extra] {
					if err := os.Remove(file); err != nil {
						t.Fatal(err)
					}
				}
				if rebuild {
					removeIndex(t, dir)
				}
				want := "ok"
				if extra > 0 {
					want = "corrupt"
				}
				l = mustOpen(t, options)
				if state := l.Health().State; state != want {
					t.Fatalf("the state is %q", state)
				}
			})
		}
	}
}
