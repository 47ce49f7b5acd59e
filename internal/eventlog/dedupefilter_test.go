package eventlog

import (
	"fmt"
	"testing"

	"github.com/hookgate/hookgate/internal/eventlog/state"
	"github.com/hookgate/hookgate/module/storage"
)

func TestCopyFilter(t *testing.T) {
	const count = 100_000
	f := newDedupeFilter()
	name := func(i int) state.DedupeKey {
		return state.DedupeKey{Integration: storage.Identity{byte(i % 7)}, Key: fmt.Sprint(i)}
	}
	for i := range count {
		f.add(name(i))
	}
	if !f.mayHold(name(count)) {
		t.Error("a filter that is not complete excludes a key")
	}
	f.complete.Store(true)
	wrong := 0
	for i := range count {
		if !f.mayHold(name(i)) {
			t.Fatalf("key %d was added and is not there", i)
		}
		if f.mayHold(name(count + i)) {
			wrong++
		}
	}
	if wrong > count/1000 {
		t.Errorf("%d of %d unknown keys may be there", wrong, count)
	}
	if other := (state.DedupeKey{Integration: storage.Identity{9}, Key: "1"}); f.mayHold(other) {
		t.Error("a key of another integration may be there")
	}
}

// TestCopyFilterService has duplicates found that are in the index alone: what
// this process has put there, and what an earlier one has.
func TestCopyFilterService(t *testing.T) {
	const count = 300
	options := testOptions(t, t.TempDir())
	first := make([]storage.ID, count)
	check := func(l *Log) {
		t.Helper()
		eventually(t, "the index has caught up, and the filter is complete", func() bool {
			l.mu.Lock()
			defer l.mu.Unlock()
			return l.active.Empty() && l.flushing == nil && l.dedupe.complete.Load()
		})
		for i := range count {
			id, outcome, err := l.Append(t.Context(), testEvent(1, "again"), keyed(fmt.Sprint(i)))
			if id != first[i] || outcome != storage.Duplicate || err != nil {
				t.Fatalf("key %d: %v, %v, %v", i, id, outcome, err)
			}
		}
		if l.dedupe.mayHold(state.DedupeKey{Integration: storage.Identity{1}, Key: "unknown"}) {
			t.Error("an unknown key may be there")
		}
	}
	l := mustOpen(t, options)
	for i := range count {
		first[i] = mustAppend(t, l, testEvent(1, fmt.Sprint(i)), keyed(fmt.Sprint(i)))
	}
	check(l)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	check(mustOpen(t, options))
}
