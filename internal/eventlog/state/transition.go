package state

import (
	"github.com/hookgate/hookgate/module/storage"
)

// transition is a record that changes events that are there.
type transition interface {
	Record
	// allows reports whether the record can follow upon the event as it is.
	allows(e *Event) bool
	// change does to the event, which is a copy, what the record says.
	change(e *Event)
}

// after returns the event as it is after the record.
func after(e *Event, r transition, sequence uint64) *Event {
	next := new(Event)
	*next = *e
	next.Sequence = sequence
	r.change(next)
	return next
}

// transit decides on a record about an event that is there, and on others.
func (s *Step) transit(r transition, of Subject, known *Known) (Decision, error) {
	current, err := s.find(of.Of, of.ID, known)
	switch {
	case err != nil:
		return Decision{}, err
	case !r.allows(current.Now):
		return Decision{}, storage.ErrNotPending
	}
	return Decision{Verdict: Write, Record: r, upon: current}, nil
}

// applyTransition applies such a record to the memtable.
func applyTransition(r transition, d *Decision, to *Memtable, sequence uint64) *Event {
	first := after(d.upon.Now, r, sequence)
	to.Put(first, d.upon.Indexed)
	for _, other := range d.others {
		to.Put(after(other.Now, r, sequence), other.Indexed)
	}
	return first
}
