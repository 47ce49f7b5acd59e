package eventlog

import (
	"errors"
	"fmt"
	"io"

	"go.uber.org/zap"

	"github.com/hookgate/hookgate/internal/eventlog/segment"
	"github.com/hookgate/hookgate/internal/eventlog/state"
	"github.com/hookgate/hookgate/internal/wire"
	"github.com/hookgate/hookgate/module/storage"
)

// recovery takes records from the segments that the index does not have.
type recovery struct {
	log      *Log
	segments []foundSegment
	mark     watermark // where the index ends
	last     uint64    // the last sequence number that was accounted for
	lost     uint64    // records that were acknowledged and are not there
	full     int       // so many events in memory are written to the index
	doubted  bool      // of what is recovered the index may have parts already
	state    state.Recovery
	note     note    // the last one of the clock
	removed  removal // what was removed on purpose
	rebuilds bool    // the index had nothing
}

// removal is the last segment that was removed from the log's start, with the
// last sequence number in it.
type removal struct {
	segment, last uint64
}

// recoveryChunk is how many events recovery keeps in memory before it writes them
// to the index.
func (l *Log) recoveryChunk() int { return min(20_000, l.MaxBehind) }

func (r *recovery) run() error {
	l, w := r.log, r.log.writer
	r.full = l.recoveryChunk()
	r.doubted = r.mark != watermark{}
	l.active.Doubted = r.doubted
	r.last = r.mark.sequence
	w.base.ids.saw(r.mark.lastID)
	r.removed.segment, r.rebuilds = max(r.mark.oldest, 1)-1, r.mark.segment == 0
	for i, s := range r.segments {
		if s.err == nil {
			r.note = r.note.later(note{wall: s.header.Created, age: s.header.Age})
		}
		if s.number < r.mark.segment {
			continue
		}
		w.header.Number = s.number
		if s.err != nil {
			l.lost.Store(true)
			l.Logger.Error("a segment of the event log cannot be read",
				zap.Uint64("segment", s.number), zap.Int64("bytes", s.size), zap.Error(s.err))
			w.limit, w.syncedEnd = 0, 0
			continue
		}
		var next *segment.Header
		if i+1 < len(r.segments) && r.segments[i+1].err == nil && r.segments[i+1].number == s.number+1 {
			next = &r.segments[i+1].header
		}
		if err := r.scan(s, next); err != nil {
			return fmt.Errorf("recovering segment %d of the event log: %w", s.number, err)
		}
	}
	r.checkStart()
	r.account(l.AtLeast)
	w.sequence, w.synced = r.last, r.last
	if err := r.countCrashes(); err != nil {
		return err
	}
	if err := r.flush(); err != nil {
		return err
	}
	if l.active.Empty() {
		l.active.Doubted = false
	}
	if r.lost > 0 {
		l.lost.Store(true)
		l.Logger.Error("acknowledged records of the event log are lost", zap.Uint64("records", r.lost))
	}
	return nil
}

// scan recovers one segment. next is the header behind it, if there is one: it
// says where this segment ends. The last segment ends where it is torn.
func (r *recovery) scan(s foundSegment, next *segment.Header) error {
	file, err := r.log.disk.Open(r.log.segments.path(s.number))
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }() // it is only read

	offset := int64(segment.Start)
	if s.number == r.mark.segment {
		offset = r.mark.offset
	} else {
		if s.number != r.segments[0].number || s.number == 1 {
			r.account(s.header.PreviousLast) // else checkStart does
		}
		r.last = max(r.last, s.header.First-1)
	}
	r.log.writer.base.ids.saw(s.header.LastID)

	var end int64
	whole := true
	if next != nil {
		end = min(next.PreviousEnd, s.size)
	} else if end, whole, err = r.findEnd(file, s, offset); err != nil {
		return err
	}
	scanner := segment.Scan(file, s.header.AEAD(r.log.Key), offset, end)
	for {
		frame, err := scanner.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if frame.Sequence <= r.last {
			continue // it is accounted for
		}
		r.account(frame.Sequence - 1)
		r.last = frame.Sequence
		if err := r.apply(s, frame); err != nil {
			return err
		}
		if r.log.active.Count >= r.full {
			r.moveTo(s, frame.Offset+frame.Length)
			if err := r.flush(); err != nil {
				return err
			}
		}
	}
	if next != nil {
		r.account(next.PreviousLast)
	}
	r.moveTo(s, max(scanner.End(), offset))
	w := r.log.writer
	w.syncedEnd, w.limit = r.mark.offset, s.size
	if !whole {
		w.limit = 0 // what stands behind the end is left as it is
	}
	return nil
}

// apply does again what the writer did when it published the record.
func (r *recovery) apply(s foundSegment, frame segment.Frame) error {
	l := r.log
	record, err := state.Decode(frame.Kind, frame.Payload, false)
	if err != nil {
		l.Logger.Error("a record of the event log cannot be read", zap.Uint64("sequence", frame.Sequence), zap.Error(err))
		r.lost++
		return nil
	}
	state.IDs(record, l.writer.base.ids.saw)
	switch record := record.(type) {
	case *state.Clocked:
		r.note = r.note.later(note{wall: wire.Millis(record.At), age: record.Age})
	case *state.Removed:
		r.removed = removal{segment: record.Segment, last: record.Last}
	}
	r.state.Active = l.active
	return r.state.Apply(record, frame.Sequence, state.Place{Segment: s.number, Offset: frame.Offset, Length: frame.Length})
}

// checkStart notices segments that are missing at the log's start and were not
// removed on purpose.
func (r *recovery) checkStart() {
	if len(r.segments) == 0 {
		return
	}
	first := r.segments[0]
	defer func() {
		r.mark.oldest = max(first.number, r.removed.segment+1)
		r.log.writer.oldest = r.mark.oldest
	}()
	if first.number <= r.removed.segment+1 {
		return
	}
	r.log.lost.Store(true)
	r.log.Logger.Error("segments of the event log are missing",
		zap.Uint64("first", r.removed.segment+1), zap.Uint64("last", first.number-1))
	if r.rebuilds && first.err == nil {
		r.lost += first.header.PreviousLast - min(r.removed.last, first.header.PreviousLast)
	}
}

// account notices records that were acknowledged, up to one, and not seen.
func (r *recovery) account(upTo uint64) {
	if upTo <= r.last {
		return
	}
	r.log.Logger.Error("records of the event log are damaged",
		zap.Uint64("first", r.last+1), zap.Uint64("last", upTo), zap.Uint64("segment", r.mark.segment))
	r.lost += upTo - r.last
	r.last = upTo
}

// findEnd returns where the log's last segment ends, and whether nothing stands
// behind that. A group that was being written when the power went may have
// holes, and nobody was told of it; but a hole before a frame that knows it to be
// durable is damage.
func (r *recovery) findEnd(file io.ReaderAt, s foundSegment, offset int64) (end int64, whole bool, err error) {
	type hole struct {
		at    int64
		first uint64
	}
	var holes []hole
	var synced uint64
	expected := r.last + 1
	scanner := segment.Scan(file, s.header.AEAD(r.log.Key), offset, s.size)
	for {
		end = scanner.End()
		frame, err := scanner.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return 0, false, err
		}
		if frame.Sequence > expected {
			holes = append(holes, hole{end, expected})
		}
		expected = frame.Sequence + 1
		synced = max(synced, frame.Synced)
	}
	for _, h := range holes {
		if h.first > synced {
			r.log.Logger.Warn("the event log ends in a group that was never finished; nobody was told that it was kept",
				zap.Uint64("segment", s.number), zap.Int64("bytes", s.size-h.at))
			return h.at, false, nil
		}
	}
	rest, err := scanner.Rest()
	if rest > 0 {
		r.log.Logger.Warn("the event log ends in a record that is damaged or was never finished",
			zap.Uint64("segment", s.number), zap.Int64("bytes", rest))
	}
	return end, rest == 0, err
}

// countCrashes ends the claims that no process pins any more.
func (r *recovery) countCrashes() error {
	l := r.log
	for _, of := range l.active.Events {
		for id, c := range of {
			if c.Now.Claimed {
				of[id] = state.Change{Now: c.Now.Crashed(), Indexed: c.Indexed}
			}
		}
	}
	view := l.index.View()
	defer view.Close()
	return view.Keys([]byte{claimKey}, func(key []byte) (bool, error) {
		identity, id, err := parseIDKey(key)
		if err != nil {
			return false, err
		}
		if l.active.Get(identity, id) != nil {
			return true, nil // it has gone on since
		}
		e, err := l.indexed(identity, id)
		if errors.Is(err, storage.ErrNotFound) {
			return true, nil // its integration is being purged
		}
		if _, gone := l.dropped[identity]; err == nil && !gone && e.Claimed {
			l.active.Put(e.Crashed(), e)
		}
		return err == nil, err
	})
}

func (r *recovery) moveTo(s foundSegment, offset int64) {
	r.mark = watermark{
		segment: s.number, offset: offset, sequence: r.last, lastID: r.log.writer.base.ids.last, salt: s.header.Salt,
		note: r.note, oldest: r.removed.segment + 1,
	}
}

// flush writes what was recovered to the index. Without the space for that it is
// kept in memory, within twice the bound that pins in service, and tried again
// with the next chunk: at each event it would take forever.
func (r *recovery) flush() error {
	l := r.log
	if r.mark.segment == 0 {
		return nil // there is nothing yet
	}
	err := l.write(l.active, r.mark)
	if errors.Is(err, storage.ErrUnavailable) && l.active.Count <= 2*l.MaxBehind {
		l.Logger.Warn("the event index cannot follow the log yet", zap.Error(err))
		l.active.Doubted = true
		r.full = min(l.active.Count+l.recoveryChunk(), 2*l.MaxBehind+1)
		return nil
	}
	if err == nil {
		l.active = state.NewMemtable()
		l.active.Doubted = r.doubted
		r.full = l.recoveryChunk()
	}
	return err
}
