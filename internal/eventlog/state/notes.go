package state

import (
	"fmt"
	"time"

	"github.com/hookgate/hookgate/internal/wire"
	"github.com/hookgate/hookgate/module/storage"
)

// Dropped deletes all of an integration.
type Dropped struct {
	durable
	Of storage.Identity
}

// Kind implements Record.
func (*Dropped) Kind() byte { return kindDropped }

// Append implements Record.
func (r *Dropped) Append(buf []byte) []byte { return Subject{Of: r.Of}.append(buf) }

// Bound implements Record.
func (*Dropped) Bound() int64 { return smallBound }

func (r *Dropped) apply(_ *Decision, to *Memtable, _ uint64, _ Place) *Event {
	to.Drop(r.Of)
	return nil
}

func (r *Dropped) recover(rec *Recovery, _ uint64, _ Place) error {
	rec.Active.Drop(r.Of)
	rec.Dropped[r.Of] = struct{}{}
	return nil
}

// Drop is the command to delete all of an integration.
type Drop struct {
	Of    storage.Identity
	Force bool // pending events as well
}

// Bound implements Command.
func (*Drop) Bound() int64 { return smallBound }

func (c *Drop) of() storage.Identity { return c.Of }

func (c *Drop) decide(s *Step) (Decision, error) {
	if !c.Force && s.hasPending(c.Of) {
		return Decision{}, storage.ErrPending
	}
	return Decision{Verdict: Write, Record: &Dropped{Of: c.Of}}, nil
}

// note is a record about the log: no event changes.
type note struct{}

func (note) apply(*Decision, *Memtable, uint64, Place) *Event { return nil }
func (note) recover(*Recovery, uint64, Place) error           { return nil }
func (note) Bound() int64                                     { return smallBound }
func (note) isNote()                                          {}

// Closed is the last record of a log that was closed and not killed.
type Closed struct {
	durable
	note
}

// Kind implements Record.
func (*Closed) Kind() byte { return kindClosed }

// Append implements Record.
func (*Closed) Append(buf []byte) []byte { return Subject{}.append(buf) }

// Clocked pairs a time of the log's clock with one of the wall clock.
type Clocked struct {
	lazy
	note
	Age int64
	At  time.Time
}

// Kind implements Record.
func (*Clocked) Kind() byte { return kindClocked }

// Note implements Record.
func (*Clocked) Note() bool { return true }

// Append implements Record.
func (r *Clocked) Append(buf []byte) []byte {
	return wire.AppendTime(wire.AppendInt(Subject{}.append(buf), r.Age), r.At)
}

// Removed says that the log's first segments are not needed any more.
type Removed struct {
	durable
	note
	Segment uint64 // the last one of them
	Last    uint64 // the last sequence number in there
}

// Kind implements Record.
func (*Removed) Kind() byte { return kindRemoved }

// Note implements Record.
func (*Removed) Note() bool { return true }

// Append implements Record.
func (r *Removed) Append(buf []byte) []byte {
	return wire.AppendUint(wire.AppendUint(Subject{}.append(buf), r.Segment), r.Last)
}

// Note is the command to write a record about the log.
type Note struct {
	Record Record
}

// Bound implements Command.
func (*Note) Bound() int64 { return smallBound }

func (*Note) of() (none storage.Identity) { return none }

func (c *Note) decide(*Step) (Decision, error) {
	if _, ok := c.Record.(interface{ isNote() }); !ok {
		return Decision{}, fmt.Errorf("a record of kind %d is not about the log", c.Record.Kind())
	}
	return Decision{Verdict: Write, Record: c.Record}, nil
}
