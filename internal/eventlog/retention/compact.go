package retention

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

// compacted is what has become of the events of a segment.
type compacted struct {
	relocated, purged Amount
}

// compact purges or relocates every event of the oldest segment, and removes the
// segment. After a crash between any two steps it starts over: each step leaves the
// log complete.
//
// The other records of the segment are about events that are in it too, or that
// were relocated since, together with everything that had happened to them by then:
// an event begins before anything happens to it, and no segment comes before this
// one.
func (c *Compactor) compact(s journal.Oldest, p state.Policy) (compacted, error) {
	if c.Journal.Pinned(s.Number) {
		return compacted{}, journal.ErrPinned
	}
	b := batch{compactor: c}
	whole, err := c.empty(s, p, &b)
	if err = errors.Join(err, b.flush()); err != nil {
		return b.compacted, fmt.Errorf("emptying segment %d: %w", s.Number, err)
	}
	// After this, nothing in the index points into the segment.
	if err := c.Log.Flush(c.quit); err != nil {
		return b.compacted, err
	}
	if !whole {
		if err := c.emptyUnread(s, p, &b); err != nil {
			return b.compacted, fmt.Errorf("emptying segment %d: %w", s.Number, err)
		}
	}
	err = c.Journal.Remove(s.Number, func() error {
		return c.Log.Do([]state.Command{&state.Note{Record: &state.Removed{Segment: s.Number, Last: s.Last}}}, func(*state.Event) {})
	})
	if err != nil {
		return b.compacted, err
	}
	c.Logger.Debug("a segment of the event log was removed", zap.Uint64("segment", s.Number),
		zap.Int64("bytes_kept", b.relocated.Bytes), zap.Int("events_purged", b.purged.Events))
	return b.compacted, nil
}

// empty reads a segment for what counts in it, and reports whether all of it could
// be read.
func (c *Compactor) empty(s journal.Oldest, p state.Policy, b *batch) (whole bool, err error) {
	if s.Err != nil {
		return false, nil
	}
	scanner, done, err := c.Journal.Scan(s)
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
		if err == nil && c.Stopping() {
			err = ErrStopped
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

func (c *Compactor) emptyOne(s journal.Oldest, frame segment.Frame, r state.Record, p state.Policy, b *batch) error {
	switch r := r.(type) {
	case state.Whole:
		at := state.Place{Segment: s.Number, Offset: frame.Offset, Length: frame.Length}
		return c.emptyEvents(at, r, p, b)
	case *state.Purged:
		if r.Key == "" {
			return nil
		}
		known, err := c.Log.LookEntry(state.DedupeKey{Integration: r.Of, Key: r.Key})
		if err != nil {
			return err
		}
		return b.add(&state.Remember{Record: *r, Known: known}, Amount{})
	}
	// A dropped record may go: what it is about comes before it.
	return nil
}

// emptyEvents purges or relocates the events that a record has whole. Those that
// share its body go on sharing it: those that may go are purged first, then the rest
// is relocated together.
func (c *Compactor) emptyEvents(at state.Place, r state.Whole, p state.Policy, b *batch) error {
	of := r.Integration()
	var there []state.Shared
	for n := range r.Count() {
		e, known, err := c.Log.Look(of, r.ID(n))
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
	each := Amount{Events: 1, Bytes: at.Length}
	if len(there) == 1 {
		return b.add(relocate, each)
	}
	for _, one := range there {
		purge := &state.Purge{Subject: state.Subject{Of: of, ID: one.ID}, Policy: p, Known: one.Known}
		if err := b.add(purge, each); err != nil {
			return err
		}
	}
	return b.add(relocate, Amount{})
}

// emptyUnread relocates events whose records cannot be read any more, with what the
// index knows of them: they are listed, and reading their body is an error.
func (c *Compactor) emptyUnread(s journal.Oldest, p state.Policy, b *batch) error {
	lost := 0
	err := c.Log.WalkAll(func(indexed *state.Event) (bool, error) {
		if indexed.Place.Segment > s.Number {
			return !c.Stopping(), nil
		}
		e, known, err := c.Log.Look(indexed.Integration, indexed.ID)
		if err != nil || e.Place.Segment > s.Number {
			return true, ignoreNotFound(err)
		}
		lost++
		relocate := &state.Relocate{Of: e.Integration, Sharing: []state.Shared{{ID: e.ID, Known: known}}, From: e.Place, Policy: p}
		return true, b.add(relocate, AmountOf(e))
	})
	if err == nil && c.Stopping() {
		err = ErrStopped
	}
	if err = errors.Join(err, b.flush()); err != nil || lost == 0 {
		return err
	}
	c.Log.Damaged()
	c.Logger.Error("accepted events are damaged", zap.Uint64("segment", s.Number), zap.Int("events", lost))
	return c.Log.Flush(c.quit)
}

func ignoreNotFound(err error) error {
	if errors.Is(err, storage.ErrNotFound) {
		return nil
	}
	return err
}
