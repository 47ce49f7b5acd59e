package journal

import (
	"crypto/cipher"
	"slices"
	"time"

	"github.com/hookgate/hookgate/internal/eventlog/segment"
)

// maxUnsynced bounds the bytes of lazy records that wait for another group's
// sync.
const maxUnsynced = 1 << 20

// writer is the one goroutine that writes.
type writer struct {
	j *Journal

	// The segment that is written to; file is nil after a failure.
	file   segment.File
	aead   cipher.AEAD
	header segment.Header
	limit  int64 // its size
	offset int64 // behind the last frame

	sequence  uint64 // of the last record; never used twice
	synced    uint64 // of the last durable record
	syncedEnd int64  // behind that record
	next      chan prepared

	age     int64  // the log's clock when the calls were taken that are decided on
	stirred bool   // something stands in the segment but notes
	oldest  uint64 // oldest segment that still exists, according to the log

	// The group under way: its frames, its calls, and those of its records that
	// nobody waits for to be durable.
	buf      []byte
	group    []*Call
	lazy     []Record
	mustSync bool

	// durable is the group before, whose calls are not answered yet.
	durable []*Call

	// owed are lazy records that were answered and are not durable. After a
	// failure the next segment begins with them.
	owed      []Record
	owedBytes int

	retryAt time.Time
	retryIn time.Duration
}

func newWriter(j *Journal) *writer { return &writer{j: j} }

func (w *writer) run() {
	var taken []*Call
	for {
		taken = w.j.queue.take(taken, w.release)
		if taken == nil {
			return
		}
		w.age = w.j.Age()
		w.j.owner.Begin(w.age)
		for _, c := range taken {
			w.add(c)
		}
		w.commit()
		w.j.owner.End()
	}
}

// add decides on one call. What is refused or needs no record is answered now,
// the rest by commit.
func (w *writer) add(c *Call) {
	if w.file == nil {
		w.revive()
	}
	switch {
	case c.barrier != nil:
		w.commit()
		w.passBarrier(c)
		return
	case c.tick && w.file == nil:
		c.answer(nil)
		return
	case c.rotate > 0 && w.stirred && w.age-w.header.Age >= c.rotate:
		w.commit()
		w.rotate(0)
		c.answer(nil)
		return
	}
	room := c.work.Bound()
	w.makeRoom(room + segment.Overhead)
	verdict, err := c.decide()
	if r := c.record; r != nil && r.Bound() > room {
		w.makeRoom(r.Bound() + segment.Overhead) // it is of another kind than was thought
		verdict, err = c.decide()
	}
	switch {
	case err != nil:
		c.answer(err)
	case verdict == NoOp:
		c.answer(nil)
	case verdict == Wait:
		w.group = append(w.group, c)
	case verdict == Apply:
		c.work.Stage(w.sequence, Position{})
		w.group = append(w.group, c)
	case w.file != nil:
		w.stage(c, w.write(c.record))
		if c.record.Lazy() {
			w.lazy = append(w.lazy, c.record)
		} else {
			w.mustSync = true
		}
		w.group = append(w.group, c)
	default:
		w.settle(c)
	}
}

func (w *writer) stage(c *Call, at Position) {
	w.stirred = w.stirred || !c.record.Note()
	c.work.Stage(w.sequence, at)
}

// settle answers a call that cannot be written. What is deferrable counts all the
// same, and is written later.
func (w *writer) settle(c *Call) {
	if c.record == nil || !c.record.Deferrable() {
		c.answer(errBroken)
		return
	}
	if _, err := c.decide(); err != nil {
		c.answer(err)
		return
	}
	w.stage(c, Position{})
	w.owed = append(w.owed, c.record)
	w.j.owner.Publish()
	c.answer(nil)
}

// makeRoom commits what stands in the way of a record: the bound of a group, or
// the end of the segment.
func (w *writer) makeRoom(room int64) {
	pending := int64(len(w.buf))
	if pending > 0 && pending+room > w.j.GroupSize {
		w.commit()
	}
	if w.file != nil && w.offset+int64(len(w.buf))+room > w.limit {
		w.commit()
		w.rotate(room)
	}
}

// write appends a record to the group and returns its place.
func (w *writer) write(r Record) Position {
	w.buf = slices.Grow(w.buf, int(r.Bound())+segment.Overhead)
	start := len(w.buf)
	w.sequence++
	w.buf = r.Append(segment.Begin(w.buf))
	w.buf = segment.Seal(w.aead, w.buf, start, r.Kind(), w.sequence, w.synced)
	return Position{Segment: w.header.Number, Offset: w.offset + int64(start), Length: int64(len(w.buf) - start)}
}

// passBarrier answers a barrier, when the log is durable up to it.
func (w *writer) passBarrier(c *Call) {
	w.release()
	if w.file != nil {
		if err := w.sync(); err != nil {
			w.abandon(err)
		}
	}
	if w.file != nil {
		c.barrier(Mark{
			Segment: w.header.Number, Offset: w.offset, Sequence: w.sequence, Salt: w.header.Salt, Oldest: w.oldest,
		})
	}
	c.answer(nil)
}
