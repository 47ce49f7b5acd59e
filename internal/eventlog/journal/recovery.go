package journal

import (
	"errors"
	"fmt"
	"io"

	"go.uber.org/zap"

	"github.com/hookgate/hookgate/internal/eventlog/segment"
)

// Recovery takes records from the segments behind a mark.
type Recovery struct {
	// Apply is called for each record, in order; its payload is valid until it
	// returns. Once it says that it is full, Reached is called.
	Apply func(frame segment.Frame, at Position) (full bool, err error)
	// Reached is called with a mark behind the last record that was applied.
	Reached func(Mark) error
	// AtLeast is the number of a record that is known to have been durable.
	AtLeast uint64

	j        *Journal
	mark     Mark
	last     uint64  // the last sequence number that was accounted for
	lost     uint64  // records that were acknowledged and are not there
	damaged  bool    // something is not as it was written
	removed  removal // what was removed on purpose
	rebuilds bool    // from the beginning
}

// removal is the last segment that was removed from the log's start, with the
// last sequence number in it.
type removal struct {
	segment, last uint64
}

// Lost notes that a record cannot be read.
func (r *Recovery) Lost() { r.lost++ }

// Removed notes that all segments up to one were removed, up to a sequence number.
func (r *Recovery) Removed(number, last uint64) { r.removed = removal{number, last} }

// Recover takes the records behind a mark; the zero mark is the beginning. It
// returns the mark behind all of them, and whether something is damaged.
func (j *Journal) Recover(from Mark, r *Recovery) (to Mark, damaged bool, err error) {
	r.j, r.mark, r.last = j, from, from.Sequence
	r.removed.segment, r.rebuilds = max(from.Oldest, 1)-1, from.Segment == 0
	if err := r.run(); err != nil {
		return Mark{}, false, err
	}
	if r.lost > 0 {
		j.Logger.Error("acknowledged records of the event log are lost", zap.Uint64("records", r.lost))
	}
	return r.mark, r.damaged || r.lost > 0, nil
}

func (r *Recovery) run() error {
	found, w := r.j.found, r.j.writer
	for i, s := range found {
		if s.Number < r.mark.Segment {
			continue
		}
		w.header.Number = s.Number
		if s.Err != nil {
			r.damaged = true
			r.j.Logger.Error("a segment of the event log cannot be read",
				zap.Uint64("segment", s.Number), zap.Int64("bytes", s.Size), zap.Error(s.Err))
			w.limit, w.syncedEnd = 0, 0
			continue
		}
		var next *segment.Header
		if i+1 < len(found) && found[i+1].Err == nil && found[i+1].Number == s.Number+1 {
			next = &found[i+1].Header
		}
		if err := r.scan(s, next); err != nil {
			return fmt.Errorf("recovering segment %d of the event log: %w", s.Number, err)
		}
	}
	r.checkStart()
	r.account(r.AtLeast)
	w.sequence, w.synced = r.last, r.last
	return nil
}

// scan recovers one segment. next is the header behind it, if there is one: it
// says where this segment ends. The last segment ends where it is torn.
func (r *Recovery) scan(s Segment, next *segment.Header) error {
	file, err := r.j.Disk.Open(r.j.path(s.Number))
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }() // it is only read

	offset := int64(segment.Start)
	if s.Number == r.mark.Segment {
		offset = r.mark.Offset
	} else {
		if s.Number != r.j.found[0].Number || s.Number == 1 {
			r.account(s.Header.PreviousLast) // else checkStart does
		}
		r.last = max(r.last, s.Header.First-1)
	}

	var end int64
	whole := true
	if next != nil {
		end = min(next.PreviousEnd, s.Size)
	} else if end, whole, err = r.findEnd(file, s, offset); err != nil {
		return err
	}
	scanner := segment.Scan(file, s.Header.AEAD(r.j.Key), offset, end)
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
		full, err := r.Apply(frame, Position{Segment: s.Number, Offset: frame.Offset, Length: frame.Length})
		if err != nil {
			return err
		}
		if full {
			r.moveTo(s, frame.Offset+frame.Length)
			if err := r.Reached(r.mark); err != nil {
				return err
			}
		}
	}
	if next != nil {
		r.account(next.PreviousLast)
	}
	r.moveTo(s, max(scanner.End(), offset))
	w := r.j.writer
	w.syncedEnd, w.limit = r.mark.Offset, s.Size
	if !whole {
		w.limit = 0 // what stands behind the end is left as it is
	}
	return nil
}

// checkStart notices segments that are missing at the log's start and were not
// removed on purpose.
func (r *Recovery) checkStart() {
	if len(r.j.found) == 0 {
		return
	}
	first := r.j.found[0]
	defer func() {
		r.mark.Oldest = max(first.Number, r.removed.segment+1)
		r.j.writer.oldest = r.mark.Oldest
	}()
	if first.Number <= r.removed.segment+1 {
		return
	}
	r.damaged = true
	r.j.Logger.Error("segments of the event log are missing",
		zap.Uint64("first", r.removed.segment+1), zap.Uint64("last", first.Number-1))
	if r.rebuilds && first.Err == nil {
		r.lost += first.Header.PreviousLast - min(r.removed.last, first.Header.PreviousLast)
	}
}

// account notices records that were acknowledged, up to one, and not seen.
func (r *Recovery) account(upTo uint64) {
	if upTo <= r.last {
		return
	}
	r.j.Logger.Error("records of the event log are damaged",
		zap.Uint64("first", r.last+1), zap.Uint64("last", upTo), zap.Uint64("segment", r.mark.Segment))
	r.lost += upTo - r.last
	r.last = upTo
}

func (r *Recovery) moveTo(s Segment, offset int64) {
	r.mark = Mark{Segment: s.Number, Offset: offset, Sequence: r.last, Salt: s.Header.Salt, Oldest: r.removed.segment + 1}
}
