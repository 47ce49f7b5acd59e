package journal

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/hookgate/hookgate/internal/eventlog/segment"
	"github.com/hookgate/hookgate/internal/seal"
	"github.com/hookgate/hookgate/module/storage"
)

var testKey = seal.NewKey()

// text is a record that is nothing but a text.
type text string

func (r text) Kind() byte               { return 7 }
func (r text) Append(buf []byte) []byte { return append(buf, r...) }
func (r text) Bound() int64             { return int64(len(r)) }
func (r text) Lazy() bool               { return false }
func (r text) Deferrable() bool         { return false }
func (r text) Note() bool               { return false }

// texts own a journal of texts: none is there twice.
type texts struct {
	staged, published map[text]Position
	rotated           int
}

func newTexts() *texts {
	return &texts{staged: make(map[text]Position), published: make(map[text]Position)}
}

func (o *texts) Begin(int64) {}
func (o *texts) Publish() {
	for r, at := range o.staged {
		o.published[r] = at
	}
	o.Discard()
}
func (o *texts) Discard()         { clear(o.staged) }
func (o *texts) End()             {}
func (o *texts) LastID() [16]byte { return [16]byte{} }
func (o *texts) Rotated(int64)    { o.rotated++ }

// add is the work to add a text.
type add struct {
	to   *texts
	text text
	at   Position
}

func (a *add) Bound() int64 { return a.text.Bound() }

func (a *add) Decide() (Verdict, Record, error) {
	if _, ok := a.to.staged[a.text]; ok {
		return Wait, nil, nil
	}
	if _, ok := a.to.published[a.text]; ok {
		return NoOp, nil, nil
	}
	return Write, a.text, nil
}

func (a *add) Stage(_ uint64, at Position) { a.at, a.to.staged[a.text] = at, at }

func testOptions(dir string) Options {
	return Options{
		Dir: dir, Key: testKey, Logger: zap.NewNop(), Disk: segment.OS{}, SegmentSize: 16 << 10, GroupSize: 1 << 20,
		RetryMin: time.Millisecond, RetryMax: time.Second, MaxSegment: func() int64 { return 0 },
		Now: time.Now, Age: func() int64 { return 1 },
	}
}

// open recovers the journal of a directory, and returns the texts that are in it.
func open(t *testing.T, dir string) (j *Journal, owner *texts, found []text, damaged bool) {
	t.Helper()
	owner = newTexts()
	j, err := Open(testOptions(dir), owner)
	if err != nil {
		t.Fatal(err)
	}
	_, damaged, err = j.Recover(Mark{}, &Recovery{
		Apply: func(frame segment.Frame, at Position) (bool, error) {
			found = append(found, text(frame.Payload))
			owner.published[text(frame.Payload)] = at
			return false, nil
		},
		Reached: func(Mark) error { return nil },
	})
	if err == nil {
		err = j.Activate()
	}
	if err != nil {
		t.Fatal(err)
	}
	j.Run()
	return j, owner, found, damaged
}

func end(t *testing.T, j *Journal) {
	t.Helper()
	j.Stop()
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}

func (o *texts) add(t *testing.T, j *Journal, r text) Position {
	t.Helper()
	a := &add{to: o, text: r}
	var c Call
	c.Init(a)
	if err := j.Do(&c); err != nil {
		t.Fatal(err)
	}
	return a.at
}

func TestRecords(t *testing.T) {
	dir := t.TempDir()
	j, owner, _, _ := open(t, dir)
	var want []text
	for i := range 100 {
		r := text(fmt.Sprintf("%0*d", 1+rand.IntN(2000), i))
		want = append(want, r)
		at := owner.add(t, j, r)
		frame, err := j.Read(at, make([]byte, at.Length))
		if err != nil || text(frame.Payload) != r {
			t.Fatal(frame, err)
		}
	}
	if owner.rotated < 3 || j.Count() != owner.rotated {
		t.Errorf("there are %d segments, of %d", j.Count(), owner.rotated)
	}
	end(t, j)
	j, _, got, damaged := open(t, dir)
	defer end(t, j)
	if !slices.Equal(got, want) || damaged {
		t.Errorf("%d of %d records are there, damaged %t", len(got), len(want), damaged)
	}
}

// TestOneGroup queues calls together: the second relies on the first.
func TestOneGroup(t *testing.T) {
	j, owner, _, _ := open(t, t.TempDir())
	defer end(t, j)
	works := []*add{{to: owner, text: "a"}, {to: owner, text: "a"}, {to: owner, text: "b"}}
	calls := make([]*Call, len(works))
	for i, work := range works {
		calls[i] = new(Call)
		calls[i].Init(work)
	}
	if err := j.Queue(calls...); err != nil {
		t.Fatal(err)
	}
	for i, c := range calls {
		if err := j.Wait(c); err != nil {
			t.Errorf("call %d: %v", i, err)
		}
	}
	if works[1].at != (Position{}) || len(owner.published) != 2 {
		t.Errorf("%+v, %v", works[1], owner.published)
	}
	j.Barrier(func(at Mark) {
		if at.Sequence != 2 || at.Segment != 1 {
			t.Errorf("the mark is %+v", at)
		}
	})
}

func TestStopped(t *testing.T) {
	j, owner, _, _ := open(t, t.TempDir())
	end(t, j)
	var c Call
	c.Init(&add{to: owner, text: "late"})
	if err := j.Do(&c); !errors.Is(err, storage.ErrUnavailable) {
		t.Error(err)
	}
	j.Barrier(func(Mark) { t.Error("a barrier of a journal that is closed") })
}

// TestReadersOfARemovedSegment read in it when it goes.
func TestReadersOfARemovedSegment(t *testing.T) {
	j, owner, _, _ := open(t, t.TempDir())
	defer end(t, j)
	at := owner.add(t, j, text(make([]byte, 10<<10)))
	owner.add(t, j, text(make([]byte, 11<<10)))
	opened, err := j.segments.acquire(at.Segment)
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Remove(at.Segment+1, func() error { return nil }); err == nil {
		t.Fatal("a segment was removed that is not the oldest")
	}
	held := j.Pin()
	if err := j.Remove(at.Segment, func() error { return nil }); !errors.Is(err, ErrPinned) {
		t.Fatal(err)
	}
	held.Release()
	if err := j.Remove(at.Segment, func() error { return io.ErrUnexpectedEOF }); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Fatal(err)
	}
	if err := j.Remove(at.Segment, func() error { return nil }); err != nil {
		t.Fatal(err)
	}
	if names, _ := filepath.Glob(filepath.Join(j.Dir, "*.segment")); len(names) != 1 {
		t.Fatal(names)
	}
	if _, err := opened.file.ReadAt(make([]byte, 10), at.Offset); err != nil {
		t.Fatalf("reading on: %v", err)
	}
	j.segments.letGo(opened)
	if _, err := opened.file.ReadAt(make([]byte, 10), 0); err == nil {
		t.Fatal("the removed segment is open still")
	}
	if _, err := j.Read(at, make([]byte, at.Length)); !errors.Is(err, storage.ErrCorrupt) {
		t.Fatal(err)
	}
}

// FuzzRecover damages a segment in any way: what is found is what was written, in
// order, and a loss before the end is reported.
func FuzzRecover(f *testing.F) {
	f.Add(segment.Start+5, []byte{1})
	f.Add(0, []byte{0xff, 0xff})
	f.Add(segment.Start+700, []byte{0x9e, 0x48, 0x4b, 0x46})
	f.Fuzz(func(t *testing.T, offset int, patch []byte) {
		dir := t.TempDir()
		j, owner, _, _ := open(t, dir)
		var want []text
		for i := range 5 {
			want = append(want, text(fmt.Sprintf("%0200d", i)))
			owner.add(t, j, want[i])
		}
		end(t, j)
		damage(t, filepath.Join(dir, segmentName(1)), offset, patch)
		j, _, got, damaged := open(t, dir)
		defer end(t, j)
		at := 0
		for _, r := range got {
			i := slices.Index(want[at:], r)
			if i < 0 {
				t.Fatalf("%q was never written, or comes twice", r)
			}
			if at += i + 1; i > 0 && !damaged {
				t.Fatal("a record is lost, and nobody is told")
			}
		}
	})
}
