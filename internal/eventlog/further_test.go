package eventlog

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hookgate/hookgate/internal/eventlog/segment"
	"github.com/hookgate/hookgate/internal/eventlog/state"
	"github.com/hookgate/hookgate/module/storage"
)

// beside are the further resources of these tests.
var beside = []storage.Resource{{Type: "ticket", ID: "a"}, {Type: "assistant", ID: "b"}}

// mustAppendAll appends an event for three resources, and returns their IDs.
func mustAppendAll(t testing.TB, l *Log, body string, dedupe storage.Dedupe) []storage.ID {
	t.Helper()
	first, outcome, err := l.Append(t.Context(), testEvent(1, body), dedupe, beside...)
	if err != nil || outcome != storage.Accepted {
		t.Fatal(outcome, err)
	}
	return []storage.ID{first, state.Forward(first, 1), state.Forward(first, 2)}
}

// statusesOf returns those of some events.
func statusesOf(t testing.TB, l *Log, ids []storage.ID) (all []storage.Status) {
	t.Helper()
	for _, id := range ids {
		r, err := l.Get(t.Context(), storage.Identity{1}, id)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, r.Status)
	}
	return all
}

// TestFurtherTornAnywhere ends the log inside of the record that begins several
// events, or that has several queued again: it has happened to all of them, or
// to none.
func TestFurtherTornAnywhere(t *testing.T) {
	options := quietOptions(t, t.TempDir())
	options.FlushEvery = time.Hour
	l := mustOpen(t, options)
	mustAppend(t, l, testEvent(1, "before"), storage.Dedupe{})
	begin := offset(l)
	ids := mustAppendAll(t, l, strings.Repeat("body", 200), keyed("key"))
	begun := offset(l)
	accepted := killed(t, l, options.Dir)
	tornAnywhere(t, accepted, begin, begun, func(l *Log) (happened, whole bool) {
		records, _, _, err := l.List(t.Context(), storage.Identity{1}, storage.Query{Limit: 9})
		if err != nil {
			t.Fatal(err)
		}
		return len(records) == 4, len(records) == 4 || len(records) == 1
	})

	options.Dir = accepted
	l = mustOpen(t, options)
	for _, id := range ids {
		fail(t, l, id)
	}
	begin = offset(l)
	if _, outcome, err := l.Append(t.Context(), testEvent(1, "copy"), keyed("key"), beside...); outcome != storage.Requeued || err != nil {
		t.Fatal(outcome, err)
	}
	begun = offset(l)
	tornAnywhere(t, killed(t, l, options.Dir), begin, begun, func(l *Log) (happened, whole bool) {
		of := statusesOf(t, l, ids)
		return of[0] == storage.Pending, of[0] == of[1] && of[0] == of[2]
	})
}

// tornAnywhere opens copies of a log in whose last segment pieces between two
// offsets were never written. look reports whether what stands there has happened,
// and not just a part of it.
func tornAnywhere(t *testing.T, dir string, from, to int64, look func(*Log) (happened, whole bool)) {
	t.Helper()
	const piece = 160
	check := func(name string, want bool, tear func(raw []byte) []byte) {
		t.Run(name, func(t *testing.T) {
			image := copied(t, dir)
			files := segmentFiles(t, image)
			rewrite(t, files[len(files)-1], tear)
			l := mustOpen(t, quietOptions(t, image))
			if happened, whole := look(l); !whole || happened != want {
				t.Errorf("happened: %v, as a whole: %v", happened, whole)
			}
			mustAppend(t, l, testEvent(2, "after"), storage.Dedupe{})
		})
	}
	check("whole", true, func(raw []byte) []byte { return raw })
	for at := from; at < to-8; at += piece { // eight bytes at the end may be padding
		check(fmt.Sprint("cut at ", at), false, func(raw []byte) []byte { return raw[:at] })
		check(fmt.Sprint("hole at ", at), false, func(raw []byte) []byte {
			clear(raw[at:min(at+piece, to)])
			return raw
		})
	}
}

// TestPowerCutOfSeveral cuts the power while events for three resources are
// accepted: there are all three of each that was acknowledged, and of no other
// one fewer.
func TestPowerCutOfSeveral(t *testing.T) {
	for round := range 4 {
		t.Run(fmt.Sprint(round), testPowerCutOfSeveral)
	}
}

func testPowerCutOfSeveral(t *testing.T) {
	options, disk := volatileOptions(t)
	options.SegmentSize = 64 << 10
	l := mustOpen(t, options)

	var mu sync.Mutex
	acknowledged := make(map[storage.ID]string)
	var wait sync.WaitGroup
	for worker := range 8 {
		wait.Go(func() {
			for i := range 200 {
				text := body(fmt.Sprintf("%d-%d", worker, i))
				id, _, err := l.Append(t.Context(), testEvent(1, text), keyed(text), beside...)
				if err != nil || disk.isOff() {
					return // nobody gets this answer any more
				}
				mu.Lock()
				acknowledged[id] = text
				mu.Unlock()
			}
		})
	}
	eventually(t, "some events", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(acknowledged) > 50+rand.IntN(200)
	})
	if err := disk.cut(); err != nil {
		t.Fatal(err)
	}
	wait.Wait()

	options.Dir, options.disk = disk.after(), nil
	l = mustOpen(t, options)
	there := content(t, l)
	for id, text := range acknowledged {
		for n := range uint64(3) {
			if r, ok := there[state.Forward(id, n)]; !ok || string(r.Body) != text {
				t.Fatalf("event %d of an acknowledged one is gone", n)
			}
		}
	}
	of := make(map[string]int)
	for _, r := range there {
		of[string(r.Body)]++
	}
	for text, n := range of {
		if n != 3 {
			t.Errorf("there are %d events of %.20s", n, text)
		}
	}
	if state := l.Health().State; state != "ok" {
		t.Errorf("the state is %q", state)
	}
}

// TestFurtherOnABrokenDisk has a write of several events fail, and copies share
// the fate of theirs.
func TestFurtherOnABrokenDisk(t *testing.T) {
	for name, fault := range map[string]error{"kept": nil, "failed": syscall.EIO} {
		t.Run(name, func(t *testing.T) {
			options, disk := faultyOptions(t, t.TempDir())
			options.FlushEvery = time.Hour
			l := mustOpen(t, options)
			var outcomes [2]storage.Outcome
			var errs [2]error
			send := func(i int) func() {
				return func() { _, outcomes[i], errs[i] = l.Append(t.Context(), testEvent(1, "x"), keyed("x"), beside...) }
			}
			inOneGroup(t, l, disk, fault, send(0), send(1))
			want := 3
			if fault != nil {
				want = 0
			}
			for _, err := range errs {
				if !errors.Is(err, fault) && !errors.Is(err, storage.ErrUnavailable) {
					t.Fatal(errs)
				}
			}
			if fault == nil && outcomes != [2]storage.Outcome{storage.Accepted, storage.Duplicate} {
				t.Fatal(outcomes)
			}
			count := func(l *Log) (n int) {
				for _, r := range content(t, l) {
					if string(r.Body) == "x" {
						n++
					}
				}
				return n
			}
			if n := count(l); n != want {
				t.Fatalf("there are %d events", n)
			}
			disk.set(func(d *faultyDisk) { d.sync = nil })
			eventually(t, "appending again", func() bool {
				_, _, err := l.Append(t.Context(), testEvent(1, "y"), storage.Dedupe{})
				return err == nil
			})
			l = mustOpen(t, quietOptions(t, killed(t, l, options.Dir)))
			if n := count(l); n != want {
				t.Fatalf("there are %d events after a crash", n)
			}
		})
	}
}

// TestFurtherDamaged reads several events whose one record is damaged.
func TestFurtherDamaged(t *testing.T) {
	options := quietOptions(t, t.TempDir())
	l := mustOpen(t, options)
	at := offset(l)
	ids := mustAppendAll(t, l, "body", storage.Dedupe{})
	other := mustAppend(t, l, testEvent(1, "other"), storage.Dedupe{})
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	rewrite(t, segmentFiles(t, options.Dir)[0], func(raw []byte) []byte {
		raw[at+segment.Overhead] ^= 1
		return raw
	})
	l = mustOpen(t, options)
	for _, id := range ids {
		if _, err := l.Get(t.Context(), storage.Identity{1}, id); !errors.Is(err, storage.ErrCorrupt) {
			t.Errorf("a damaged event: %v", err)
		}
	}
	if r, err := l.Get(t.Context(), storage.Identity{1}, other); err != nil || l.PendingOf(storage.Identity{1}) != 4 {
		t.Errorf("another event is %+v, %v; %d are pending", r, err, l.PendingOf(storage.Identity{1}))
	}
}

// TestFurtherBounds refuses more than the log can hold.
func TestFurtherBounds(t *testing.T) {
	l := mustOpen(t, testOptions(t, t.TempDir()))
	for _, further := range [][]storage.Resource{
		slices.Repeat(beside, maxFurther),
		{{Type: "x", ID: strings.Repeat("x", maxEnvelope)}},
	} {
		if _, _, err := l.Append(t.Context(), testEvent(1, "x"), storage.Dedupe{}, further...); err == nil {
			t.Error("it was accepted")
		}
	}
	many := slices.Repeat(beside[:1], maxFurther)
	e := testEvent(1, "x")
	e.Body = bytes.Repeat([]byte("x"), 3<<20) // more than a segment
	if _, _, err := l.Append(t.Context(), e, storage.Dedupe{}, many...); err != nil {
		t.Fatal(err)
	}
	if n := l.PendingOf(e.Integration); n != 1+maxFurther {
		t.Errorf("%d are pending", n)
	}
}

// TestFurtherIDs has no later event take an ID that one of several has.
func TestFurtherIDs(t *testing.T) {
	options := quietOptions(t, t.TempDir())
	options.FlushEvery = time.Hour
	l := mustOpen(t, options)
	ids := mustAppendAll(t, l, "body", storage.Dedupe{})
	if last := l.machine.base.ids.last; last != ids[2] {
		t.Errorf("the last ID is %v, want %v", last, ids[2])
	}
	l = mustOpen(t, quietOptions(t, killed(t, l, options.Dir)))
	if last := l.machine.base.ids.last; last != ids[2] {
		t.Errorf("after a crash the last ID is %v, want %v", last, ids[2])
	}
}
