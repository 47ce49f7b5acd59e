package eventlog

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hookgate/hookgate/module/storage"
)

// fakeTime is the wall clock and the machine's own time in a test's hands.
type fakeTime struct {
	mu   sync.Mutex
	wall time.Time
	up   time.Duration
}

func newFakeTime() *fakeTime { return &fakeTime{wall: time.UnixMilli(1_790_000_000_000)} }

func (f *fakeTime) now() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.wall
}

func (f *fakeTime) uptime() time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.up
}

func (f *fakeTime) pass(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.wall, f.up = f.wall.Add(d), f.up+d
}

// jump has the wall clock say something else.
func (f *fakeTime) jump(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.wall = f.wall.Add(d)
}

func timedOptions(t testing.TB, dir string) (Options, *fakeTime) {
	clock := newFakeTime()
	options := quietOptions(t, dir)
	options.SegmentSize = 16 << 10
	options.now, options.uptime = clock.now, clock.uptime
	return options, clock
}

const day = 24 * time.Hour

var week = storage.Limits{Delivered: 7 * day, Failed: 30 * day, Remember: 3 * day}

func deliver(t testing.TB, l *Log, id storage.ID) {
	t.Helper()
	if _, err := l.Claim(t.Context(), storage.Identity{1}, id); err != nil {
		t.Fatal(err)
	}
	if err := l.Finish(t.Context(), storage.Identity{1}, id, storage.Attempt{StatusCode: 200}, storage.Delivered, time.Time{}); err != nil {
		t.Fatal(err)
	}
}

// collected waits until the log has no segment left that is old enough to go.
func collected(t testing.TB, l *Log) {
	t.Helper()
	eventually(t, "the segments are removed", func() bool {
		l.collector.hurry()
		s, ok := l.segments.first()
		return !ok || l.clock.now()-s.ended < shorter(l.limits.Load()).Milliseconds()
	})
}

// closeSegment has the log go on in another segment, because this one is a day old.
func closeSegment(t testing.TB, l *Log, clock *fakeTime) {
	t.Helper()
	clock.pass(22 * time.Hour)
	turned(t, l)
}

// oldest is the number of the first segment, 0 while there is none.
func (s *segments) oldest() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.list) == 0 {
		return 0
	}
	return s.list[0].number
}

// content is all that the log shows of the events of an integration.
func content(t testing.TB, l *Log) map[storage.ID]storage.Record {
	t.Helper()
	all := make(map[storage.ID]storage.Record)
	query := storage.Query{Limit: 100}
	for more := true; more; {
		var records []storage.Record
		var err error
		if records, query.Before, more, err = l.List(t.Context(), storage.Identity{1}, query); err != nil {
			t.Fatal(err)
		}
		for _, r := range records {
			whole, err := l.Get(t.Context(), storage.Identity{1}, r.ID)
			if errors.Is(err, storage.ErrNotFound) {
				continue // it was purged just now
			}
			if err != nil {
				t.Fatalf("event %v is listed: %v", r.ID, err)
			}
			all[r.ID] = *whole
		}
	}
	return all
}

func sameContent(t testing.TB, l *Log, want map[storage.ID]storage.Record) {
	t.Helper()
	got := content(t, l)
	for id := range got {
		if _, ok := want[id]; !ok {
			t.Fatalf("event %v is back", id)
		}
	}
	for id, r := range want {
		if !reflect.DeepEqual(got[id], r) {
			t.Fatalf("event %v is\n%+v\nand was\n%+v", id, got[id], r)
		}
	}
	counts, pending, failed := l.Counts(), 0, 0
	for _, r := range want {
		switch r.Status {
		case storage.Pending:
			pending++
		case storage.Failed:
			failed++
		}
	}
	if counts.Pending != pending || counts.Failed != failed || l.PendingOf(storage.Identity{1}) != pending {
		t.Fatalf("the counts are %+v, with %d pending and %d failed events", counts, pending, failed)
	}
	eventually(t, "all is counted", func() bool { return l.Usage().Counted })
	if usage := l.Usage(); usage.Events != len(want) || usage.PendingEvents != pending || len(want) == 0 && usage.Bytes != 0 {
		t.Fatalf("the usage is %+v of %d events", usage, len(want))
	}
}

// TestRetention has events of every kind grow old.
func TestRetention(t *testing.T) {
	dir := t.TempDir()
	options, clock := timedOptions(t, dir)
	l := mustOpen(t, options)
	l.SetLimits(week)
	var delivered, failed, pending []storage.ID
	for i := range 90 {
		id := mustAppend(t, l, testEvent(1, payload(i)), keyed(fmt.Sprint(i)))
		switch i % 3 {
		case 0:
			deliver(t, l, id)
			delivered = append(delivered, id)
		case 1:
			fail(t, l, id)
			failed = append(failed, id)
		case 2:
			pending = append(pending, id)
		}
	}
	// The last attempt of a chain decides when its events are old.
	closeSegment(t, l, clock)
	clock.pass(5 * day)
	chain := mustReplay(t, l, delivered[0])
	deliver(t, l, chain)

	before := content(t, l)
	l.collector.hurry()
	sameContent(t, l, before)

	clock.pass(2*day + time.Hour)
	collected(t, l)
	want := maps.Clone(before)
	for _, id := range delivered[1:] {
		delete(want, id)
	}
	sameContent(t, l, want)
	if usage := l.Usage(); usage.PurgedDelivered != uint64(len(delivered)-1) || usage.PurgedFailed != 0 {
		t.Fatalf("%+v", usage)
	}
	// Who asks for what is kept elsewhere gets it, and it goes on as before.
	fail(t, l, pending[0])
	if _, outcome, err := l.Append(t.Context(), testEvent(1, "copy"), storage.Dedupe{Key: []byte("2"), Window: 10 * day, Requeues: 1}); outcome != storage.Requeued || err != nil {
		t.Fatal(outcome, err)
	}

	closeSegment(t, l, clock)
	clock.pass(33 * day)
	collected(t, l)
	for _, id := range slices.Concat(delivered, failed, []storage.ID{chain}) {
		delete(want, id)
	}
	if len(want) != len(pending) {
		t.Fatalf("%d events are wanted, %d are pending", len(want), len(pending))
	}
	for _, id := range pending {
		r, err := l.Get(t.Context(), storage.Identity{1}, id)
		if err != nil || r.Status != storage.Pending {
			t.Fatalf("%+v, %v", r, err)
		}
		want[id] = *r
	}
	sameContent(t, l, want)
	for range 2 {
		l.Close()
		l = mustOpen(t, options)
		sameContent(t, l, want)
		if state := l.Health().State; state != "ok" {
			t.Fatalf("the state is %q", state)
		}
		removeIndexAfter(t, l, dir)
	}
	l = mustOpen(t, options)
	for _, id := range pending {
		deliver(t, l, id)
	}
}

// removeIndexAfter closes the log and removes its index.
func removeIndexAfter(t *testing.T, l *Log, dir string) {
	t.Helper()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	removeIndex(t, dir)
}

// hookedDisk calls a test before and after a segment is removed.
type hookedDisk struct {
	faultyDisk
	before, after func()
	fail          error
}

func (d *hookedDisk) Remove(path string) error {
	if !strings.HasSuffix(path, segmentSuffix) || d.before == nil {
		return d.faultyDisk.Remove(path)
	}
	d.before()
	if d.fail != nil {
		return d.fail
	}
	err := d.faultyDisk.Remove(path)
	d.after()
	return err
}

// TestCrashesWhileCollecting ends the process before and after each removal of a
// segment, with and without its index: every event is there, as it was.
func TestCrashesWhileCollecting(t *testing.T) {
	dir := t.TempDir()
	options, clock := timedOptions(t, dir)
	disk := &hookedDisk{}
	options.disk, options.FlushEvery = disk, time.Hour
	l := mustOpen(t, options)
	l.SetLimits(week)
	for i := range 40 {
		id := mustAppend(t, l, testEvent(1, payload(i)), keyed(fmt.Sprint(i)))
		if i%4 == 0 {
			deliver(t, l, id)
		}
		if i%4 == 1 {
			fail(t, l, id)
			mustReplay(t, l, id)
		}
	}
	follow := func() {
		followed := make(chan bool, 1)
		l.indexer.asked <- followed
		if !<-followed {
			t.Error("the index does not follow")
		}
	}
	follow() // so that it ends in a segment that will go
	closeSegment(t, l, clock)
	want := content(t, l)
	clock.pass(7*day + time.Hour)
	var images []string
	take := func() { images = append(images, imageOf(t, dir)) }
	disk.before = func() {
		take()
		follow() // with the segment there still, and its removal in the log
	}
	disk.after = take
	collected(t, l)
	l.Close()
	if len(images) < 6 {
		t.Fatalf("%d images were taken", len(images))
	}
	maps.DeleteFunc(want, func(_ storage.ID, r storage.Record) bool { return r.Status == storage.Delivered })
	for i, image := range images {
		for _, rebuild := range []bool{false, true} {
			copied := imageOf(t, image)
			if rebuild {
				removeIndex(t, copied)
			}
			options.Dir, options.disk = copied, nil
			l := mustOpen(t, options)
			l.SetLimits(week)
			collected(t, l)
			sameContent(t, l, want)
			if state := l.Health().State; state != "ok" {
				t.Fatalf("image %d: the state is %q", i, state)
			}
			l.Close()
		}
	}
}

// TestKeptBodies collects a segment that is larger than what is read at a time.
func TestKeptBodies(t *testing.T) {
	options, clock := timedOptions(t, t.TempDir())
	options.SegmentSize = 4 << 20
	l := mustOpen(t, options)
	l.SetLimits(week)
	var ids []storage.ID
	for i := range 1200 {
		ids = append(ids, mustAppend(t, l, testEvent(1, payload(i)), storage.Dedupe{}))
	}
	closeSegment(t, l, clock)
	clock.pass(8 * day)
	collected(t, l)
	if n := missing(t, l, ids); n > 0 || l.segments.oldest() == 1 {
		t.Fatalf("%d events are missing, segment %d is the oldest", n, l.segments.oldest())
	}
}

func imageOf(t testing.TB, dir string) string {
	t.Helper()
	return copied(t, dir)
}

// TestASegmentThatStays cannot be removed for a while.
func TestASegmentThatStays(t *testing.T) {
	dir := t.TempDir()
	options, clock := timedOptions(t, dir)
	disk := &hookedDisk{fail: fs.ErrPermission, after: func() {}}
	tries := make(chan struct{}, 100)
	disk.before = func() { tries <- struct{}{} }
	options.disk = disk
	l := mustOpen(t, options)
	l.SetLimits(week)
	id := mustAppend(t, l, testEvent(1, payload(0)), keyed("a"))
	for i := range 30 {
		deliver(t, l, mustAppend(t, l, testEvent(1, payload(i)), storage.Dedupe{}))
	}
	clock.pass(8 * day)
	l.collector.hurry()
	<-tries
	l.collector.hurry()
	<-tries
	if r, err := l.Get(t.Context(), storage.Identity{1}, id); err != nil || r.Status != storage.Pending {
		t.Fatalf("%+v, %v", r, err)
	}

	// A backup holds the segments, too.
	held := l.holds.take()
	for range len(tries) {
		<-tries
	}
	oldest := l.segments.oldest()
	turned(t, l)
	if got := l.segments.oldest(); got != oldest || len(tries) > 0 {
		t.Fatalf("segment %d is the oldest, and %d was", got, oldest)
	}
	held.release()
}

// TestReadersOfARemovedSegment have looked at an event before it was moved, or
// read in its segment when that goes.
func TestReadersOfARemovedSegment(t *testing.T) {
	options, clock := timedOptions(t, t.TempDir())
	l := mustOpen(t, options)
	l.SetLimits(week)
	stays := mustAppend(t, l, testEvent(1, payload(0)), storage.Dedupe{})
	goes := mustAppend(t, l, testEvent(1, payload(1)), storage.Dedupe{})
	deliver(t, l, goes)
	var seen []*event
	for _, id := range []storage.ID{stays, goes} {
		e, _, err := l.look(storage.Identity{1}, id)
		if err != nil {
			t.Fatal(err)
		}
		seen = append(seen, e)
	}
	opened, err := l.segments.acquire(seen[0].place.segment)
	if err != nil {
		t.Fatal(err)
	}
	clock.pass(8 * day)
	eventually(t, "the segment is closed", func() bool { l.collector.hurry(); return l.segments.count() > 1 })
	clock.pass(8 * day)
	eventually(t, "the segment is removed", func() bool {
		l.collector.hurry()
		return l.segments.oldest() > seen[0].place.segment
	})
	if _, err := opened.file.ReadAt(make([]byte, 10), seen[0].place.offset); err != nil {
		t.Fatalf("reading on: %v", err)
	}
	l.segments.letGo(opened)
	if _, err := opened.file.ReadAt(make([]byte, 10), 0); err == nil {
		t.Fatal("the removed segment is open still")
	}
	if e, err := l.read(seen[0]); err != nil || string(e.Body) != payload(0) {
		t.Fatalf("%v, %v", e, err)
	}
	if _, err := l.read(seen[1]); !errors.Is(err, storage.ErrNotFound) {
		t.Fatal(err)
	}
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
	// was made anew.
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

// TestRemembered has copies of an event come after it was purged.
func TestRemembered(t *testing.T) {
	dir := t.TempDir()
	options, clock := timedOptions(t, dir)
	l := mustOpen(t, options)
	limits := storage.Limits{Delivered: time.Hour, Failed: time.Hour, Remember: 3 * day}
	l.SetLimits(limits)
	d := storage.Dedupe{Key: []byte("key"), Window: 3 * day, Requeues: 1}
	first := mustAppend(t, l, testEvent(1, "a"), d)
	deliver(t, l, first)
	late := func(want storage.Outcome) storage.ID {
		t.Helper()
		id, outcome, err := l.Append(t.Context(), testEvent(1, "a"), d)
		if err != nil || outcome != want || want == storage.Duplicate && id != first {
			t.Fatalf("%v, %v, %v", id, outcome, err)
		}
		return id
	}
	next := func() {
		t.Helper()
		before := l.segments.oldest()
		eventually(t, "a segment goes", func() bool {
			clock.pass(10 * time.Minute)
			l.collector.hurry()
			return l.segments.oldest() > before
		})
	}
	next()
	for range 4 {
		if _, err := l.Get(t.Context(), storage.Identity{1}, first); !errors.Is(err, storage.ErrNotFound) {
			t.Fatal(err)
		}
		late(storage.Duplicate)
		removeIndexAfter(t, l, dir)
		l = mustOpen(t, options)
		l.SetLimits(limits)
		late(storage.Duplicate)
		next()
	}
	clock.pass(3 * day)
	if second := late(storage.Accepted); second == first {
		t.Fatal("the key is of the first event still")
	}
	deliver(t, l, first2(t, l))
	// In the end the index forgets the key.
	clock.pass(4 * day)
	eventually(t, "the key is forgotten", func() bool {
		clock.pass(time.Hour)
		l.collector.hurry()
		l.indexer.hurry()
		_, found, err := l.indexedCopy(copyName{storage.Identity{1}, "key"})
		return err == nil && !found
	})
}

// first2 is the one event that the log has.
func first2(t *testing.T, l *Log) storage.ID {
	t.Helper()
	for id := range content(t, l) {
		return id
	}
	t.Fatal("there is no event")
	return storage.ID{}
}

// TestClockJumps moves the wall clock: nothing is purged, and the jump shows.
func TestClockJumps(t *testing.T) {
	const year = 365 * day
	for _, jump := range []time.Duration{time.Hour, -time.Hour, year, -year} {
		t.Run(jump.String(), func(t *testing.T) {
			options, clock := timedOptions(t, t.TempDir())
			l := mustOpen(t, options)
			l.SetLimits(week)
			var delivered []storage.ID
			for i := range 40 {
				id := mustAppend(t, l, testEvent(1, payload(i)), keyed(fmt.Sprint(i)))
				deliver(t, l, id)
				delivered = append(delivered, id)
			}
			check := func(there bool) {
				t.Helper()
				turned(t, l)
				for i, id := range delivered[:20] {
					if _, err := l.Get(t.Context(), storage.Identity{1}, id); (err == nil) != there {
						t.Fatalf("event %d: %v", i, err)
					}
				}
				_, outcome, err := l.Append(t.Context(), testEvent(1, "copy"), storage.Dedupe{Key: []byte("1"), Window: 30 * day})
				if err != nil || outcome != storage.Duplicate && there {
					t.Fatalf("a copy: %v, %v", outcome, err)
				}
			}
			clock.jump(jump)
			check(true)
			if got := l.Usage().ClockJump; got != jump {
				t.Fatalf("the jump is %v", got)
			}
			clock.pass(5 * day)
			check(true)
			clock.pass(3 * day)
			check(false)
		})
		t.Run("away "+jump.String(), func(t *testing.T) {
			options, clock := timedOptions(t, t.TempDir())
			l := mustOpen(t, options)
			for i := range 40 {
				deliver(t, l, mustAppend(t, l, testEvent(1, payload(i)), storage.Dedupe{}))
			}
			want := content(t, l)
			l.Close()
			clock.jump(jump)
			l = mustOpen(t, options)
			l.SetLimits(week)
			turned(t, l)
			sameContent(t, l, want)
			shown := jump
			if jump.Abs() <= day && jump > 0 {
				shown = 0
			}
			if got := l.Usage().ClockJump; got != shown {
				t.Fatalf("the jump is %v", got)
			}
		})
	}
}

// turned waits until the collector has taken a whole turn.
func turned(t testing.TB, l *Log) {
	for range 2 {
		l.collector.waitTurn(t.Context())
	}
}

// collectAlways keeps the collector at work until it is told to stop, and says
// how many segments it has removed then.
func collectAlways(l *Log) (stop func() uint64) {
	quit := make(chan struct{})
	var wait sync.WaitGroup
	wait.Go(func() {
		for {
			select {
			case <-quit:
				return
			default:
				l.collector.waitTurn(context.Background())
			}
		}
	})
	first := l.segments.oldest()
	return func() uint64 {
		close(quit)
		wait.Wait()
		return l.segments.oldest() - first
	}
}
