package state

import (
	"github.com/hookgate/hookgate/module/storage"
)

// Command is one thing that a caller wants to happen.
type Command interface {
	// Bound estimates the size in bytes of the record that it may write.
	Bound() int64

	of() storage.Identity
	decide(s *Step) (Decision, error)
}

// Verdict is what a command needs.
type Verdict int

// The verdicts.
const (
	NoOp  Verdict = iota // nothing: it is answered as it stands
	Wait                 // it is answered with the group that it relies on
	Write                // its record is written
	Apply                // it has an effect that needs no record
)

// Decision is what becomes of a command.
type Decision struct {
	Verdict Verdict
	Record  Record

	upon   Change   // the event that the record is about, as it stands
	others []Change // the other ones

	// key leads to entry from now on, unless it is "".
	key   DedupeKey
	entry DedupeEntry
}

// Decide decides on a command, again if need be: nothing changes before Apply.
func Decide(s *Step, c Command) (Decision, error) {
	if of := c.of(); s.isDropped(of) {
		if _, ok := c.(*Drop); ok {
			return Decision{Verdict: NoOp}, nil
		}
		return Decision{}, storage.ErrNotFound
	}
	return c.decide(s)
}

// Apply applies a decision to the memtable. sequence is the number of its record, or of
// the last one when it has none, and at its place. It returns the first event that the
// record is about as it is after it, if there is one.
func (d *Decision) Apply(to *Memtable, sequence uint64, at Place) (after *Event) {
	if d.Record != nil {
		after = d.Record.apply(d, to, sequence, at)
	}
	if d.key.Key != "" {
		to.Entries[d.key] = d.entry
	}
	return after
}
