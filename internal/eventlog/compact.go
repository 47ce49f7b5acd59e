package eventlog

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"go.uber.org/zap"

	"github.com/hookgate/hookgate/internal/eventlog/journal"
	"github.com/hookgate/hookgate/internal/eventlog/segment"
	"github.com/hookgate/hookgate/internal/eventlog/state"
	"github.com/hookgate/hookgate/module/storage"
)

// emptied is what has become of the events of a segment.
type compacted struct {
	relocated, purged amount
}

// collect purges or keeps every event of the oldest segment, and removes it. After
// a crash between any two steps it is done again from the start: each leaves the
// log as whole as it was.
//
// What else stands in the segment is about events that are in it too, or were
// kept behind it since, with all that had happened to them by then: an event
// begins before anything happens to it, and no segment comes before this one.
func (c *compactor) compact(s journal.Oldest, p state.Policy) (compacted, error) {
	l := c.log
	if l.journal.Pinned(s.Number) {
		return compacted{}, journal.ErrPinned
	}
	b := batch{compactor: c}
	whole, err := c.empty(s, p, &b)
	if err = errors.Join(err, b.flush()); err != nil {
		return b.compacted, fmt.Errorf("emptying segment %d: %w", s.Number, err)
	}
	// Nothing in the index points into the segment when it has followed.
	if err := c.flushIndex(); err != nil {
		return b.compacted, err
	}
	if !whole {
		if err := c.emptyUnread(s, p, &b); err != nil {
			return b.compacted, fmt.Errorf("emptying segment %d: %w", s.Number, err)
		}
	}
	err = l.journal.Remove(s.Number, func() error {
		return c.submit(&state.Note{Record: &state.Removed{Segment: s.Number, Last: s.Last}})
	})
	if err != nil {
		return b.compacted, err
	}
	l.Logger.Debug("a segment of the event log was removed", zap.Uint64("segment", s.Number),
		zap.Int64("bytes_kept", b.relocated.bytes), zap.Int("events_purged", b.purged.events))
	return b.compacted, nil
}

// empty reads a segment for what counts in it, and says whether all of it could
// be read.
func (c *compactor) empty(s journal.Oldest, p state.Policy, b *batch) (whole bool, err error) {
	if s.Err != nil {
		return false, nil
	}
	scanner, done, err := c.log.journal.Scan(s)
	if err != nil {
		return false, err
	}
	defer done()
	whole, expected := true, s.Header.First
	for {
		frame, err := scanner.Next()
		if errors.Is(err, io.EOF) {
			return whole && expected == s.Last+1, nil
		}
		if err == nil && c.stopping() {
			err = errStopped
		}
		if err != nil {
			return false, err
		}
		whole = whole && frame.Sequence == expected
		expected = frame.Sequence + 1
		r, err := state.Decode(frame.Kind, frame.Payload, true)
		if err != nil {
			whole = false
			continue
		}
		if err := c.emptyOne(s, frame, r, p, b); err != nil {
			return false, err
		}
	}
}

func (c *compactor) emptyOne(s journal.Oldest, frame segment.Frame, r state.Record, p state.Policy, b *batch) error {
	switch r := r.(type) {
	case state.Whole:
		at := state.Place{Segment: s.Number, Offset: frame.Offset, Length: frame.Length}
		return c.emptyEvents(at, r, p, b)
	case *state.Purged:
		if r.Key == "" {
			return nil
		}
		known, err := c.log.lookEntry(state.DedupeKey{Integration: r.Of, Key: r.Key})
		if err != nil {
			return err
		}
		return b.add(&state.Remember{Record: *r, Known: known}, amount{})
	}
	// A dropped record may go: what it is about comes before it.
	return nil
}

// emptyEvents does so for the events that a record has whole. Those that share
// its body go on sharing it: first go those that may, and then the rest is
// relocated together.
func (c *compactor) emptyEvents(at state.Place, r state.Whole, p state.Policy, b *batch) error {
	of := r.Integration()
	var there []state.Shared
	for n := range r.Count() {
		e, known, err := c.log.lookWhole(of, r.ID(n))
		if ignoreNotFound(err) != nil {
			return err
		}
		if err == nil && e.Place == at {
			there = append(there, state.Shared{ID: e.ID, Known: known})
		}
	}
	if len(there) == 0 {
		return nil
	}
	relocate := &state.Relocate{Of: of, Sharing: there, From: at, Content: r.Event(0), Policy: p}
	if relocate.Content != nil {
		relocate.Content.Body = bytes.Clone(relocate.Content.Body) // the scanner reads on
	}
	each := amount{events: 1, bytes: at.Length}
	if len(there) == 1 {
		return b.add(relocate, each)
	}
	for _, one := range there {
		purge := &state.Purge{Subject: state.Subject{Of: of, ID: one.ID}, Policy: p, Known: one.Known}
		if err := b.add(purge, each); err != nil {
			return err
		}
	}
	return b.add(relocate, amount{})
}

// emptyUnread keeps events whose records cannot be read any more, as what the
// index knows of them: they are listed, and whoever wants their body learns that
// it is lost.
func (c *compactor) emptyUnread(s journal.Oldest, p state.Policy, b *batch) error {
	view := c.log.index.View()
	defer view.Close()
	lost := 0
	err := view.Ascend([]byte{eventKey}, func(key, value []byte) (bool, error) {
		identity, id, err := parseIDKey(key)
		if err != nil {
			return false, err
		}
		indexed, err := state.DecodeEvent(identity, id, value)
		if err != nil || indexed.Place.Segment > s.Number {
			return err == nil && !c.stopping(), err
		}
		e, known, err := c.log.lookWhole(identity, id)
		if err != nil || e.Place.Segment > s.Number {
			return true, ignoreNotFound(err)
		}
		lost++
		relocate := &state.Relocate{Of: identity, Sharing: []state.Shared{{ID: id, Known: known}}, From: e.Place, Policy: p}
		return true, b.add(relocate, amountOf(e))
	})
	if err == nil && c.stopping() {
		err = errStopped
	}
	if err = errors.Join(err, b.flush()); err != nil || lost == 0 {
		return err
	}
	c.log.lost.Store(true)
	c.log.Logger.Error("accepted events are damaged", zap.Uint64("segment", s.Number), zap.Int("events", lost))
	return c.flushIndex()
}

func ignoreNotFound(err error) error {
	if errors.Is(err, storage.ErrNotFound) {
		return nil
	}
	return err
}

// batch has ops written together, some hundred at a time: that is one sync, and
// not so much that a group with an event in it takes long.
type batch struct {
	compactor *compactor
	ops       []*op
	queued    amount // of the events in ops
	size      int64
	compacted
}

const (
	batchOps   = 512
	batchBytes = 1 << 20
)

// promised is what is purged, if what is queued is.
func (b *batch) promised() amount {
	all := b.purged
	all.add(b.queued)
	return all
}

func (b *batch) add(command state.Command, of amount) error {
	b.ops = append(b.ops, b.compactor.log.newOp(command))
	b.queued.add(of)
	if b.size += command.Bound(); len(b.ops) < batchOps && b.size < batchBytes {
		return nil
	}
	return b.flush()
}

func (b *batch) flush() error {
	j := b.compactor.log.journal
	calls := make([]*journal.Call, len(b.ops))
	for i, o := range b.ops {
		calls[i] = &o.Call
	}
	fault := j.Queue(calls...)
	if fault != nil {
		b.ops = b.ops[:0]
	}
	for _, o := range b.ops {
		switch err := j.Wait(&o.Call); {
		case err != nil:
			if fault == nil {
				fault = ignoreNotFound(err)
			}
		case o.after != nil && o.after.Purged:
			b.purged.add(amountOf(o.after))
		case o.after != nil:
			b.relocated.add(amountOf(o.after))
		}
	}
	clear(b.ops)
	b.ops, b.queued, b.size = b.ops[:0], amount{}, 0
	return fault
}
