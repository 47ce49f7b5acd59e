package eventlog

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hookgate/hookgate/internal/eventlog/journal"
	"github.com/hookgate/hookgate/internal/eventlog/retention"
	"github.com/hookgate/hookgate/internal/eventlog/state"
	"github.com/hookgate/hookgate/module/storage"
)

func deliver(t testing.TB, l *Log, id storage.ID) {
	t.Helper()
	if _, err := l.Claim(t.Context(), storage.Identity{1}, id); err != nil {
		t.Fatal(err)
	}
	if err := l.Finish(t.Context(), storage.Identity{1}, id, storage.Attempt{StatusCode: 200}, storage.Delivered, time.Time{}); err != nil {
		t.Fatal(err)
	}
}

// collected waits until the log has no segment left that is old enough to go. Each
// one takes several syncs, so there is a deadline for each, however many they are.
func collected(t testing.TB, l *Log) {
	t.Helper()
	old := func() (number uint64, ok bool) {
		s, ok := l.journal.First()
		return s.Number, ok && l.clock.now()-s.Ended >= retention.Shorter(l.limits.Load()).Milliseconds()
	}
	for number, ok := old(); ok; number, ok = old() {
		eventually(t, fmt.Sprintf("segment %d is removed", number), func() bool {
			l.compactor.Hurry()
			next, ok := old()
			return !ok || next != number
		})
	}
}

// closeSegment has the log go on in another segment, because this one is a day old.
func closeSegment(t testing.TB, l *Log, clock *fakeTime) {
	t.Helper()
	clock.pass(22 * time.Hour)
	turned(t, l)
}

// oldest is the number of the first segment, 0 while there is none.
func (l *Log) oldest() (number uint64) {
	entries, _ := os.ReadDir(l.segmentDir())
	for _, entry := range entries {
		if digits, ok := strings.CutSuffix(entry.Name(), ".segment"); ok {
			number, _ = strconv.ParseUint(digits, 16, 64)
			break
		}
	}
	return number
}

// offset is where the next record is going to stand.
func offset(l *Log) (offset int64) {
	l.journal.Barrier(func(at journal.Mark) { offset = at.Offset })
	return offset
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

// hookedDisk calls a test before and after a segment is removed.
type hookedDisk struct {
	faultyDisk
	before, after func()
	fail          error
}

func (d *hookedDisk) Remove(path string) error {
	if !strings.HasSuffix(path, ".segment") || d.before == nil {
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
		l.flusher.asked <- followed
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
	if n := missing(t, l, ids); n > 0 || l.oldest() == 1 {
		t.Fatalf("%d events are missing, segment %d is the oldest", n, l.oldest())
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
	l.compactor.Hurry()
	<-tries
	l.compactor.Hurry()
	<-tries
	if r, err := l.Get(t.Context(), storage.Identity{1}, id); err != nil || r.Status != storage.Pending {
		t.Fatalf("%+v, %v", r, err)
	}

	// A backup holds the segments, too.
	held := l.journal.Pin()
	for range len(tries) {
		<-tries
	}
	oldest := l.oldest()
	turned(t, l)
	if got := l.oldest(); got != oldest || len(tries) > 0 {
		t.Fatalf("segment %d is the oldest, and %d was", got, oldest)
	}
	held.Release()
}

// TestReadersOfARemovedSegment have looked at an event before it was moved.
func TestReadersOfARemovedSegment(t *testing.T) {
	options, clock := timedOptions(t, t.TempDir())
	l := mustOpen(t, options)
	l.SetLimits(week)
	stays := mustAppend(t, l, testEvent(1, payload(0)), storage.Dedupe{})
	goes := mustAppend(t, l, testEvent(1, payload(1)), storage.Dedupe{})
	deliver(t, l, goes)
	var seen []*state.Event
	for _, id := range []storage.ID{stays, goes} {
		e, _, err := l.look(storage.Identity{1}, id)
		if err != nil {
			t.Fatal(err)
		}
		seen = append(seen, e)
	}
	clock.pass(8 * day)
	eventually(t, "the segment is closed", func() bool { l.compactor.Hurry(); return l.journal.Count() > 1 })
	clock.pass(8 * day)
	eventually(t, "the segment is removed", func() bool {
		l.compactor.Hurry()
		return l.oldest() > seen[0].Place.Segment
	})
	if e, err := l.read(seen[0]); err != nil || string(e.Body) != payload(0) {
		t.Fatalf("%v, %v", e, err)
	}
	if _, err := l.read(seen[1]); !errors.Is(err, storage.ErrNotFound) {
		t.Fatal(err)
	}
}

// turned waits until the compactor has taken a whole turn.
func turned(t testing.TB, l *Log) {
	t.Helper()
	for range 2 { // one may be under way
		ended := l.compactor.Turned()
		l.compactor.Hurry()
		select {
		case <-ended:
		case <-time.After(30 * time.Second):
			t.Fatal("a turn of the compactor has not ended within 30 seconds")
		}
	}
}

// collectAlways keeps the compactor at work until it is told to stop, and says
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
				l.compactor.WaitTurn(context.Background())
			}
		}
	})
	first := l.oldest()
	return func() uint64 {
		close(quit)
		wait.Wait()
		return l.oldest() - first
	}
}
