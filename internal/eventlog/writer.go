package eventlog

import (
	"crypto/cipher"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/hookgate/hookgate/internal/eventlog/segment"
	"github.com/hookgate/hookgate/internal/eventlog/state"
	"github.com/hookgate/hookgate/internal/wire"
	"github.com/hookgate/hookgate/module/storage"
)

// maxUnsynced bounds the bytes of lazy records that wait for another group's
// sync.
const maxUnsynced = 1 << 20

// errBroken is the answer while the log cannot be written.
var errBroken = fmt.Errorf("%w: the event log cannot be written", storage.ErrUnavailable)

// writer is the one goroutine that writes. It takes what callers queued,
// decides what becomes of each op, writes all of it at once, syncs once, and
// answers. What it stages is seen by nobody before.
type writer struct {
	log  *Log
	base base
	step state.Step

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

	// stirred is set once something stands in the segment but notes.
	stirred bool
	oldest  uint64 // segment that was not removed, says the log

	// The group under way: its frames, its ops, their effects, and those of
	// its records that nobody waits for to be durable.
	buf      []byte
	group    []*op
	staged   *state.Memtable
	lazy     []state.Record
	mustSync bool

	// durable is the group before, whose ops are not answered yet.
	durable []*op

	// owed are lazy records that were answered and are not durable. After a
	// failure the next segment begins with them.
	owed      []state.Record
	owedBytes int

	retryAt time.Time
	retryIn time.Duration
}

func newWriter(l *Log) *writer {
	w := &writer{log: l, staged: state.NewMemtable(), base: base{log: l, taken: newTaken()}}
	w.step = state.Step{Staged: w.staged, Base: &w.base}
	return w
}

func (w *writer) run() {
	var taken []*op
	for {
		taken = w.log.queue.take(taken, w.release)
		if taken == nil {
			return
		}
		w.step.Now, w.step.Limits = w.log.clock.now(), w.log.limits.Load()
		for _, o := range taken {
			w.add(o)
		}
		w.commit()
		if w.log.active.Count > w.log.MaxBehind/4 {
			w.log.flusher.hurry()
		}
	}
}

// add decides on one op. What is refused or needs no record is answered now,
// the rest by commit.
func (w *writer) add(o *op) {
	if w.file == nil {
		w.revive()
	}
	if o.flush {
		w.commit()
		w.freeze(o)
		return
	}
	if o.tick != nil && !w.tick(o) {
		o.answer(nil)
		return
	}
	room := o.command.Bound()
	w.makeRoom(room + segment.Overhead)
	err := w.decide(o)
	if r := o.decision.Record; r != nil && r.Bound() > room {
		w.makeRoom(r.Bound() + segment.Overhead) // the record is of another kind
		err = w.decide(o)
	}
	switch {
	case err != nil:
		o.answer(err)
	case o.decision.Verdict == state.NoOp:
		o.answer(nil)
	case o.decision.Verdict == state.Wait:
		w.group = append(w.group, o)
	case o.decision.Verdict == state.Apply:
		w.stage(o, state.Place{})
		w.group = append(w.group, o)
	case w.file != nil:
		r := o.decision.Record
		w.stage(o, w.write(r))
		if r.Lazy() {
			w.lazy = append(w.lazy, r)
		} else {
			w.mustSync = true
		}
		w.group = append(w.group, o)
	default:
		w.settle(o)
	}
}

func (w *writer) decide(o *op) (err error) {
	o.decision, err = state.Decide(&w.step, o.command)
	return err
}

// settle answers an op that cannot be written. The end of an attempt counts all
// the same, and is written later: at worst a crash before repeats the attempt.
func (w *writer) settle(o *op) {
	r := o.decision.Record
	if r == nil || !r.Deferrable() {
		o.answer(errBroken)
		return
	}
	if err := w.decide(o); err != nil {
		o.answer(err)
		return
	}
	w.stage(o, state.Place{})
	w.owed = append(w.owed, o.decision.Record)
	w.log.publish(w.staged)
	w.discard()
	o.answer(nil)
}

// discard forgets what the group does.
func (w *writer) discard() {
	w.staged.Clear()
	w.base.taken.clear()
}

// makeRoom commits what stands in the way of a record: the bound of a group, or
// the end of the segment.
func (w *writer) makeRoom(room int64) {
	pending := int64(len(w.buf))
	if pending > 0 && pending+room > w.log.GroupSize {
		w.commit()
	}
	if w.file != nil && w.offset+int64(len(w.buf))+room > w.limit {
		w.commit()
		w.rotate(room)
	}
}

// write appends a record to the group and returns its place.
func (w *writer) write(r state.Record) state.Place {
	w.buf = slices.Grow(w.buf, int(r.Bound())+segment.Overhead)
	start := len(w.buf)
	w.sequence++
	w.buf = r.Append(segment.Begin(w.buf))
	w.buf = segment.Seal(w.aead, w.buf, start, r.Kind(), w.sequence, w.synced)
	return state.Place{Segment: w.header.Number, Offset: w.offset + int64(start), Length: int64(len(w.buf) - start)}
}

// stage keeps the effect of a decision for the commit.
func (w *writer) stage(o *op, at state.Place) {
	if r := o.decision.Record; r != nil {
		w.stirred = w.stirred || !r.Note()
		if removed, ok := r.(*state.Removed); ok {
			w.oldest = removed.Segment + 1
		}
	}
	o.after = o.decision.Apply(w.staged, w.sequence, at)
}

// commit makes the group durable. It is answered by release, or here when that
// failed.
func (w *writer) commit() {
	if len(w.group) == 0 {
		return
	}
	err := w.flush()
	w.release()
	group := w.group
	w.group = w.durable
	if err != nil {
		w.abandon(err)
		w.reset()
		for _, o := range group {
			w.settle(o)
		}
		clear(group)
		w.durable = group[:0]
		return
	}
	w.log.publish(w.staged)
	w.reset()
	w.durable = group
}

// release answers the group before. Under load that comes after the next group's
// write and before its sync: while the disk syncs, the processors have those to
// do who were answered.
func (w *writer) release() {
	for i, o := range w.durable {
		w.durable[i] = nil
		o.answer(nil)
	}
	w.durable = w.durable[:0]
}

// reset makes room for the next group.
func (w *writer) reset() {
	w.lazy = w.lazy[:0]
	w.discard()
	w.mustSync = false
	w.buf = w.buf[:0]
	if int64(cap(w.buf)) > 2*w.log.GroupSize {
		w.buf = nil // it held one very large record
	}
}

// flush writes the group, and syncs it when somebody waits for that.
func (w *writer) flush() error {
	if len(w.buf) == 0 {
		return nil
	}
	if _, err := w.file.WriteAt(w.buf, w.offset); err != nil {
		return fmt.Errorf("writing the event log: %w", err)
	}
	w.offset += int64(len(w.buf))
	w.prepare()
	w.release()
	if w.mustSync || w.owedBytes+len(w.buf) > maxUnsynced {
		return w.sync()
	}
	w.owed = append(w.owed, w.lazy...)
	w.owedBytes += len(w.buf)
	return nil
}

func (w *writer) sync() error {
	if w.offset == w.syncedEnd {
		return nil
	}
	if err := w.file.Sync(); err != nil {
		return fmt.Errorf("syncing the event log: %w", err)
	}
	w.synced, w.syncedEnd = w.sequence, w.offset
	w.log.durable.Store(w.synced)
	clear(w.owed)
	w.owed, w.owedBytes = w.owed[:0], 0
	return nil
}

// abandon gives the segment up at the last offset that is surely durable: after
// a failed sync nobody knows what is on the disk, so nothing is written behind
// it any more.
func (w *writer) abandon(cause error) {
	if w.file != nil {
		cause = errors.Join(cause, w.file.Close())
		w.file = nil
	}
	w.owedBytes = 0
	now := w.log.now()
	w.log.failing.Store(true)
	w.log.failedAt.Store(&now)
	w.retryIn = min(max(2*w.retryIn, w.log.retryMin), w.log.retryMax)
	w.retryAt = now.Add(w.retryIn)
	w.log.Logger.Error("the event log cannot be written; events are refused until it can",
		zap.Error(cause), zap.Duration("retry_in", w.retryIn))
}

// revive goes on in a new segment after a failure, once it is time.
func (w *writer) revive() {
	if w.log.now().Before(w.retryAt) {
		return
	}
	w.commit() // what needs no record
	room := int64(segment.Overhead)
	for i := range w.owed {
		room += w.owed[i].Bound() + segment.Overhead
	}
	err := w.activate(room)
	if err == nil && len(w.owed) > 0 {
		for i := range w.owed {
			w.write(w.owed[i])
		}
		w.mustSync = true
		err = w.flush()
	}
	w.reset()
	if err != nil {
		w.abandon(err)
		return
	}
	w.retryIn = 0
	w.log.failing.Store(false)
	w.log.Logger.Info("the event log can be written again")
}

// freeze hands the memtable to the flusher, when the log is durable up to it.
func (w *writer) freeze(o *op) {
	w.release()
	if w.file != nil {
		if err := w.sync(); err != nil {
			w.abandon(err)
		}
	}
	if w.file != nil {
		o.mark = watermark{
			segment:  w.header.Number,
			offset:   w.offset,
			sequence: w.sequence,
			lastID:   w.base.ids.last,
			salt:     w.header.Salt,
			note:     w.log.clock.note(),
			oldest:   w.oldest,
		}
		o.frozen = w.log.freeze(o.always)
	}
	o.answer(nil)
}

// tick begins another segment when this one is old enough and has anything, and
// reports whether the clock is to be noted.
func (w *writer) tick(o *op) bool {
	if w.file == nil {
		return false
	}
	if o.ripe > 0 && w.stirred && w.step.Now-w.header.Age >= o.ripe {
		w.commit()
		w.rotate(0) // notes the clock
		return false
	}
	w.log.noted.Store(w.step.Now)
	o.tick.Age, o.tick.At = w.step.Now, wire.Moment(w.log.clock.note().wall)
	return true
}

// answer gives the op back to its caller.
func (o *op) answer(err error) {
	o.err = err
	o.done <- struct{}{}
}
