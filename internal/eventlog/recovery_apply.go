package eventlog

import (
	"errors"

	"go.uber.org/zap"

	"github.com/hookgate/hookgate/internal/eventlog/segment"
	"github.com/hookgate/hookgate/module/storage"
)

// apply does what the writer did when it published the record.
func (r *recovery) apply(s foundSegment, frame segment.Frame) error {
	l := r.log
	rec, err := decodeRecord(kind(frame.Kind), frame.Payload, false)
	if err != nil {
		l.Logger.Error("a record of the event log cannot be read", zap.Uint64("sequence", frame.Sequence), zap.Error(err))
		r.lost++
		return nil
	}
	l.writer.ids.saw(rec.id)
	switch rec.kind {
	case clocked:
		r.note = r.note.later(note{wall: millis(rec.at), age: rec.age})
		return nil
	case removed:
		r.removed = removal{segment: rec.segment, last: rec.last}
		return nil
	}
	if _, gone := l.dropped[rec.identity]; gone {
		return nil
	}
	switch rec.kind {
	case closed:
		return nil
	case dropped:
		l.active.drop(rec.identity)
		l.dropped[rec.identity] = struct{}{}
		return nil
	}
	at := place{segment: s.number, offset: frame.Offset, length: frame.Length}
	for n := range rec.parts() {
		part := rec.part(n)
		l.writer.ids.saw(part.id)
		if err := r.applyEvent(part, frame.Sequence, at); err != nil {
			return err
		}
		if e := part.relocated; e != nil {
			if err := r.remember(part, e.key, copyOf{id: e.ID, born: e.born}); err != nil {
				return err
			}
		}
	}
	switch rec.kind {
	case replayed:
		return r.link(&rec, frame.Sequence)
	case accepted, acceptedAll:
		if rec.key != "" { // of two events, the later record is of the newer one
			l.active.copies[copyName{rec.identity, rec.key}] = copyOf{id: rec.id, born: rec.age}
		}
	case purged:
		return r.remember(&rec, rec.key, copyOf{id: rec.id, born: rec.age, gone: true})
	}
	return nil
}

// applyEvent does so for the event that the record is about.
func (r *recovery) applyEvent(rec *record, sequence uint64, at place) error {
	active := r.log.active
	current, err := r.log.writer.find(rec.identity, rec.id, &prefetched{})
	found := !errors.Is(err, storage.ErrNotFound)
	switch {
	case found && err != nil:
		return err
	case found && current.now.sequence >= sequence:
		// The index has it already, but perhaps not all that leads to it.
		active.put(current.now, current.base)
	case rec.relocated != nil:
		active.put(rec.relocated.moved(sequence, at), current.base)
	case rec.begins() && !found:
		active.put(newEvent(rec, sequence, at), nil)
	case !found:
		// What it is about is lost, or was purged.
	case rec.kind == purged:
		active.put(current.now.apply(rec, sequence), current.base)
		return r.free(current.now)
	case current.now.allows(rec), rec.kind == claimed && current.now.claimed:
		active.put(current.now.apply(rec, sequence), current.base)
	}
	return nil
}

// free has the dedupe key of an event that was purged lead nowhere.
func (r *recovery) free(e *event) error {
	if e.key == "" {
		return nil
	}
	name := copyName{e.Integration, e.key}
	present, found, err := r.log.writer.findCopy(name, &prefetched{})
	if found && present.id == e.ID {
		r.log.active.copies[name] = copyOf{}
	}
	return err
}

// remember has a dedupe key lead to an event, unless it leads to a newer one.
func (r *recovery) remember(rec *record, key string, c copyOf) error {
	if key == "" {
		return nil
	}
	name := copyName{rec.identity, key}
	present, found, err := r.log.writer.findCopy(name, &prefetched{})
	if err == nil && (!found || compareIDs(present.id, c.id) <= 0) {
		r.log.active.copies[name] = c
	}
	return err
}

// link has the first event of a chain know the newest.
func (r *recovery) link(rec *record, sequence uint64) error {
	first, err := r.log.writer.find(rec.identity, rec.first, &prefetched{})
	if errors.Is(err, storage.ErrNotFound) {
		return nil // it is lost
	}
	if err == nil && first.now.sequence < sequence {
		r.log.active.put(first.now.apply(rec, sequence), first.base)
	}
	return err
}
