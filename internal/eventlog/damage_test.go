package eventlog

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/hookgate/hookgate/internal/eventlog/segment"
	"github.com/hookgate/hookgate/internal/eventlog/state"
	"github.com/hookgate/hookgate/module/storage"
	"github.com/hookgate/hookgate/module/trigger"
)

// filled makes a log with n events in several segments, closed cleanly, and
// returns their IDs.
func filled(t testing.TB, dir string, n int) (ids []storage.ID) {
	t.Helper()
	options := testOptions(t, dir)
	options.SegmentSize = 64 << 10
	l := mustOpen(t, options)
	for i := range n {
		ids = append(ids, mustAppend(t, l, testEvent(1, payload(i)), keyed(fmt.Sprint(i))))
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return ids
}

func payload(i int) string { return strings.Repeat(fmt.Sprintf("%04d", i), 250) }

func quietOptions(t testing.TB, dir string) Options {
	options := testOptions(t, dir)
	options.SegmentSize = 64 << 10
	options.Logger = zap.NewNop()
	return options
}

func segmentFiles(t testing.TB, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "segments", "*"+".segment"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	return files
}

func rewrite(t testing.TB, path string, change func([]byte) []byte) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, change(raw), 0o600); err != nil {
		t.Fatal(err)
	}
}

// missing counts the events that cannot be read whole. One that reads as
// another is an error.
func missing(t testing.TB, l *Log, ids []storage.ID) (n int) {
	t.Helper()
	for i, id := range ids {
		r, err := l.Get(t.Context(), storage.Identity{1}, id)
		switch {
		case errors.Is(err, storage.ErrNotFound), errors.Is(err, storage.ErrCorrupt):
			n++
		case err != nil:
			t.Fatal(err)
		case string(r.Body) != payload(i):
			t.Fatalf("event %d has another body", i)
		}
	}
	return n
}

// TestFlippedByteInTheLog damages one byte and rebuilds the index: at most one
// event is lost, and never in silence.
func TestFlippedByteInTheLog(t *testing.T) {
	origin := t.TempDir()
	ids := filled(t, origin, 150)
	for round := range 40 {
		dir := t.TempDir()
		if err := os.CopyFS(dir, os.DirFS(origin)); err != nil {
			t.Fatal(err)
		}
		files := segmentFiles(t, dir)
		file := files[rand.IntN(len(files))]
		var at int
		rewrite(t, file, func(raw []byte) []byte {
			at = rand.IntN(len(raw))
			raw[at] ^= 1 << rand.IntN(8)
			return raw
		})
		if round%2 == 0 {
			removeIndex(t, dir)
		}
		l := mustOpen(t, quietOptions(t, dir))
		lost := missing(t, l, ids)
		if lost > 1 {
			t.Fatalf("%s byte %d: %d events are lost", filepath.Base(file), at, lost)
		}
		if lost > 0 && round%2 == 0 && l.Health().State != "corrupt" {
			t.Fatalf("%s byte %d: an event is lost in silence", filepath.Base(file), at)
		}
		l.Close()
	}
}

func TestDamagedEventIsBuried(t *testing.T) {
	dir := t.TempDir()
	ids := filled(t, dir, 3)
	rewrite(t, segmentFiles(t, dir)[0], func(raw []byte) []byte {
		raw[segment.Start+200] ^= 1
		return raw
	})
	l := mustOpen(t, quietOptions(t, dir))
	if _, err := l.Claim(t.Context(), storage.Identity{1}, ids[0]); !errors.Is(err, storage.ErrCorrupt) {
		t.Fatalf("claiming a damaged event: %v", err)
	}
	if _, err := l.Claim(t.Context(), storage.Identity{1}, ids[0]); !errors.Is(err, storage.ErrNotPending) {
		t.Fatalf("claiming it again: %v", err)
	}
	records, _, _, err := l.List(t.Context(), storage.Identity{1}, storage.Query{Status: storage.Failed, Limit: 9})
	if err != nil || len(records) != 1 || records[0].ID != ids[0] || records[0].Attempts[0].Error != trigger.ErrCorrupt {
		t.Fatal(records, err)
	}
	if state := l.Health().State; state != "corrupt" {
		t.Fatalf("the state is %q", state)
	}
	if n := missing(t, l, ids); n != 1 {
		t.Fatalf("%d are missing", n)
	}
}

func TestLostFiles(t *testing.T) {
	for name, damage := range map[string]func(t *testing.T, files []string){
		"a segment removed": func(t *testing.T, files []string) {
			if err := os.Remove(files[1]); err != nil {
				t.Fatal(err)
			}
		},
		"a segment cut": func(t *testing.T, files []string) {
			rewrite(t, files[1], func(raw []byte) []byte { return raw[:len(raw)/2] })
		},
		"a segment without header": func(t *testing.T, files []string) {
			rewrite(t, files[1], func(raw []byte) []byte { return append(make([]byte, segment.Start), raw[segment.Start:]...) })
		},
		"the last segment without header": func(t *testing.T, files []string) {
			rewrite(t, files[len(files)-1], func(raw []byte) []byte { return append(make([]byte, segment.Start), raw[segment.Start:]...) })
		},
		"a segment under another's name": func(t *testing.T, files []string) {
			raw, err := os.ReadFile(files[0])
			if err != nil {
				t.Fatal(err)
			}
			rewrite(t, files[1], func([]byte) []byte { return raw })
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			ids := filled(t, dir, 150)
			damage(t, segmentFiles(t, dir))
			removeIndex(t, dir)
			l := mustOpen(t, quietOptions(t, dir))
			lost := missing(t, l, ids)
			if lost == 0 || lost == len(ids) {
				t.Fatalf("%d of %d are missing", lost, len(ids))
			}
			if state := l.Health().State; state != "corrupt" {
				t.Fatalf("the state is %q", state)
			}
			id := mustAppend(t, l, testEvent(1, payload(len(ids))), storage.Dedupe{})
			l.Close()
			l = mustOpen(t, quietOptions(t, dir))
			if n := missing(t, l, append(slices.Clone(ids), id)); n != lost {
				t.Fatalf("%d are missing, and %d before", n, lost)
			}
		})
	}
}

func TestLogOlderThanItsIndex(t *testing.T) {
	dir := t.TempDir()
	ids := filled(t, dir, 150)
	files := segmentFiles(t, dir)
	if err := os.Remove(files[len(files)-1]); err != nil {
		t.Fatal(err)
	}
	l := mustOpen(t, quietOptions(t, dir))
	if state := l.Health().State; state != "corrupt" {
		t.Fatalf("the state is %q", state)
	}
	mustAppend(t, l, testEvent(1, "new"), storage.Dedupe{})
	if n := missing(t, l, ids); n == 0 || n == len(ids) {
		t.Fatalf("%d are missing", n)
	}
}

// lastGroup writes frames behind a crashed log, as one group would, leaving out
// those that skip names.
func lastGroup(t *testing.T, dir string, frames int, synced func(sequence uint64) uint64, skip ...int) {
	t.Helper()
	files := segmentFiles(t, dir)
	path := files[len(files)-1]
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	header, err := segment.ReadHeader(file, testKey)
	if err != nil {
		t.Fatal(err)
	}
	info, _ := file.Stat()
	scanner := segment.Scan(file, header.AEAD(testKey), segment.Start, info.Size())
	last := header.First - 1
	for {
		frame, err := scanner.Next()
		if err != nil {
			break
		}
		last = frame.Sequence
	}
	var group []byte
	for i := range frames {
		start := len(group)
		e := testEvent(1, "unfinished")
		e.ID = storage.ID{0xfe, byte(i)}
		r := &state.Accepted{Subject: state.Subject{Of: e.Integration, ID: e.ID}, Begun: e}
		sequence := last + uint64(i) + 1
		group = segment.Seal(header.AEAD(testKey), r.Append(segment.Begin(group)), start, r.Kind(), sequence, synced(sequence))
		if slices.Contains(skip, i) {
			clear(group[start:])
		}
	}
	rewrite(t, path, func(raw []byte) []byte { return append(append(raw[:scanner.End()], group...), make([]byte, 5000)...) })
}

// TestHolesInTheLastGroup tells what a power cut may do from what it may not.
func TestHolesInTheLastGroup(t *testing.T) {
	sameGroup := func(base uint64) func(uint64) uint64 { return func(uint64) uint64 { return base } }
	oneByOne := func(sequence uint64) uint64 { return sequence - 1 }
	for _, test := range []struct {
		name   string
		synced func(uint64) uint64
		skip   []int
		state  string
		events int
	}{
		{"whole", sameGroup(0), nil, "ok", 5},
		{"torn at its end", sameGroup(0), []int{4}, "ok", 4},
		{"torn at its start", sameGroup(0), []int{0}, "ok", 0},
		{"torn inside", sameGroup(0), []int{2}, "ok", 2},
		{"a durable record is gone", oneByOne, []int{2}, "corrupt", 4},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			ids := filled(t, dir, 10)
			lastGroup(t, dir, 5, test.synced, test.skip...)
			for range 2 {
				l := mustOpen(t, quietOptions(t, dir))
				if state := l.Health().State; state != test.state {
					t.Fatalf("the state is %q", state)
				}
				if n := missing(t, l, ids); n != 0 {
					t.Fatalf("%d are missing", n)
				}
				if n := l.PendingOf(storage.Identity{1}) - len(ids); n != test.events {
					t.Fatalf("%d events of the group are there", n)
				}
				l.Close()
				removeIndex(t, dir) // once more, from the start
			}
		})
	}
}

func TestDroppedStaysDroppedInARebuiltIndex(t *testing.T) {
	dir := t.TempDir()
	l := mustOpen(t, testOptions(t, dir))
	id := mustAppend(t, l, testEvent(1, "a"), keyed("a"))
	relocated := mustAppend(t, l, testEvent(2, "b"), keyed("b"))
	if err := l.Drop(t.Context(), storage.Identity{1}, true); err != nil {
		t.Fatal(err)
	}
	dir = killed(t, l, dir)
	for range 2 {
		l = mustOpen(t, testOptions(t, dir))
		if _, err := l.Get(t.Context(), storage.Identity{1}, id); !errors.Is(err, storage.ErrNotFound) {
			t.Fatalf("a dropped event: %v", err)
		}
		if _, err := l.Get(t.Context(), storage.Identity{2}, relocated); err != nil {
			t.Fatal(err)
		}
		if c := l.Counts(); c.Pending != 1 {
			t.Fatalf("%+v", c)
		}
		l.Close()
		removeIndex(t, dir)
	}
}

func TestClockGoesBack(t *testing.T) {
	dir := t.TempDir()
	options := testOptions(t, dir)
	l := mustOpen(t, options)
	last := mustAppend(t, l, testEvent(1, "a"), storage.Dedupe{})
	l.Close()
	options.now = func() time.Time { return time.Now().Add(-24 * time.Hour) }
	for range 2 {
		l = mustOpen(t, options)
		for range 100 {
			id := mustAppend(t, l, testEvent(1, "b"), storage.Dedupe{})
			if state.CompareIDs(id, last) <= 0 {
				t.Fatalf("%v came after %v", id, last)
			}
			last = id
		}
		l.Close()
		removeIndex(t, dir)
	}
}
