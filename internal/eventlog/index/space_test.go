package index

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/hookgate/hookgate/internal/polltest"
)

// settled waits until nothing is to be merged, and counts what there is then.
func settled(t *testing.T, x *Index) (runs int, entries, dead int64) {
	t.Helper()
	polltest.Until(t, "nothing is to be merged", func() bool {
		at := x.hold()
		defer func() { _ = at.release() }()
		runs = len(at.runs)
		entries, dead = count(at.runs)
		return len(plans(at.runs)) == 0
	})
	return runs, entries, dead
}

// TestDeadEntriesAreBounded overwrites and deletes for long: what does not count
// any more takes no more space than what does, beside the last few batches.
func TestDeadEntriesAreBounded(t *testing.T) {
	dir := t.TempDir()
	x := mustOpen(t, dir)
	random := rand.New(rand.NewPCG(1, 0))
	value := func() []byte {
		value := make([]byte, 100)
		for i := range value {
			value[i] = byte(random.Uint32())
		}
		return value
	}
	want := make(map[string][]byte)
	largest := int64(0)
	for round := range 300 {
		changes := make(map[string][]byte)
		for range 300 {
			key := fmt.Sprintf("%04d", random.IntN(4000))
			switch there := want[key] != nil; {
			case !there || random.IntN(4) > 0:
				changes[key] = value()
			case changes[key] == nil:
				changes[key] = nil
			}
		}
		before := x.Size()
		commit(t, x, changes)
		largest = max(largest, x.Size()-before)
		maps.Copy(want, changes)
		maps.DeleteFunc(want, func(_ string, value []byte) bool { return value == nil })

		runs, entries, dead := settled(t, x)
		if live := entries - dead; live != int64(len(want)) {
			t.Fatalf("round %d: %d entries, of which %d are dead, for %d keys", round, entries, dead, len(want))
		}
		if round%50 > 0 {
			continue
		}
		alone := mustOpen(t, t.TempDir())
		commit(t, alone, want)
		if size, most := x.Size(), 2*alone.Size()+fanIn*largest; size > most {
			t.Errorf("round %d: %d bytes in %d runs, and there should be %d at most, for %d keys", round, size, runs, most, len(want))
		}
		if err := alone.Close(); err != nil {
			t.Fatal(err)
		}
		if err := x.Close(); err != nil {
			t.Fatal(err)
		}
		x = mustOpen(t, dir)
	}
	v := x.View()
	check(t, v, want)
	v.Close()
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestNothingDeadIsLeftAlone adds keys only: there is no reason to merge all.
func TestNothingDeadIsLeftAlone(t *testing.T) {
	x := mustOpen(t, t.TempDir())
	defer x.Close()
	for round := range 3*fanIn + 3 {
		changes := make(map[string][]byte)
		for _, key := range hundred(round) {
			changes[key] = []byte("x")
		}
		commit(t, x, changes)
		settled(t, x)
	}
	at := x.hold()
	defer func() { _ = at.release() }()
	var levels []uint64
	for _, r := range at.runs {
		levels = append(levels, r.level)
	}
	if !slices.Equal(levels, []uint64{0, 0, 0, 1, 1, 1}) {
		t.Errorf("the runs are of the levels %v", levels)
	}
}
