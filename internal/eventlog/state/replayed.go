package state

import (
	"errors"

	"github.com/hookgate/hookgate/internal/wire"
	"github.com/hookgate/hookgate/module/storage"
)

// Replayed begins an event that replays another, and makes it the newest of its
// chain.
type Replayed struct {
	durable
	Subject
	Age      int64
	ReplayOf storage.ID
	First    storage.ID // of the chain
	Begun    *storage.Event
}

// Kind implements Record.
func (*Replayed) Kind() byte { return kindReplayed }

// Append implements Record.
func (r *Replayed) Append(buf []byte) []byte {
	buf = r.append(buf)
	buf = wire.AppendInt(buf, r.Age)
	buf = append(buf, r.ReplayOf[:]...)
	buf = append(buf, r.First[:]...)
	return appendContent(appendEnvelope(buf, r.Begun), r.Begun)
}

// Bound implements Record.
func (r *Replayed) Bound() int64 {
	return smallBound + EnvelopeSize(r.Begun) + contentBound(r.Begun)
}

func (d *decoder) replayed(of Subject, whole bool) *Replayed {
	r := &Replayed{Subject: of, Age: d.Int(), ReplayOf: d.ID(), First: d.ID()}
	r.Begun = &storage.Event{ID: of.ID, Integration: of.Of}
	d.envelope(r.Begun)
	d.content(r.Begun, whole)
	return r
}

// Integration implements Whole.
func (r *Replayed) Integration() storage.Identity { return r.Of }

// Count implements Whole.
func (*Replayed) Count() int { return 1 }

// ID implements Whole.
func (r *Replayed) ID(int) storage.ID { return r.Subject.ID }

// Event implements Whole.
func (r *Replayed) Event(int) *storage.Event { return r.Begun }

func (r *Replayed) begun(sequence uint64, at Place) *Event {
	e := newEvent(r.Begun, sequence, at, r.Age)
	e.Chain.ReplayOf, e.Chain.First = r.ReplayOf, r.First
	return e
}

func (r *Replayed) apply(d *Decision, to *Memtable, sequence uint64, at Place) *Event {
	e := r.begun(sequence, at)
	to.Put(e, nil)
	to.Put(d.upon.Now.led(r.Subject.ID, sequence), d.upon.Indexed)
	return e
}

func (r *Replayed) recover(rec *Recovery, sequence uint64, at Place) error {
	if err := rec.begin(r.begun(sequence, at)); err != nil {
		return err
	}
	first, err := rec.find(r.Of, r.First, &Known{})
	if errors.Is(err, storage.ErrNotFound) {
		return nil // it is lost
	}
	if err == nil && first.Now.Sequence < sequence {
		rec.Active.Put(first.Now.led(r.Subject.ID, sequence), first.Indexed)
	}
	return err
}

// Replay is the command to store a replay of an event.
type Replay struct {
	record Replayed

	Once  bool  // only of the newest of a chain
	Known Known // of the event that is replayed
}

// NewReplay returns a command for the event as it is to be stored.
func NewReplay(of storage.ID, e *storage.Event) *Replay {
	return &Replay{record: Replayed{Subject: Subject{Of: e.Integration}, ReplayOf: of, Begun: e}}
}

// ID is the answer.
func (c *Replay) ID() storage.ID { return c.record.Subject.ID }

// Bound implements Command.
func (c *Replay) Bound() int64 { return c.record.Bound() }

func (c *Replay) of() storage.Identity { return c.record.Of }

// decide lets an event be replayed upon the first of its chain, unless another of
// the chain is pending.
func (c *Replay) decide(s *Step) (Decision, error) {
	r := &c.record
	of, err := s.find(r.Of, r.ReplayOf, &c.Known)
	if err != nil {
		return Decision{}, err
	}
	first, newest, err := s.chain(of, &c.Known)
	switch {
	case err != nil:
		return Decision{}, err
	case newest.Now.Status == storage.Pending:
		return Decision{}, storage.ErrPending
	case c.Once && newest.Now.ID != r.ReplayOf:
		return Decision{}, storage.ErrReplayed
	}
	if r.Subject.ID, err = s.Base.Admit(r.Begun, 1, r.Bound()); err != nil {
		return Decision{}, err
	}
	r.Begun.ID, r.Age, r.First = r.Subject.ID, s.Now, first.Now.ID
	return Decision{Verdict: Write, Record: r, upon: first}, nil
}
