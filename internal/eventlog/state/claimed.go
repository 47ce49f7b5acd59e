package state

import (
	"github.com/hookgate/hookgate/module/storage"
)

// Claimed begins an attempt.
type Claimed struct {
	lazy
	Subject
}

// Kind implements Record.
func (*Claimed) Kind() byte { return kindClaimed }

// Append implements Record.
func (r *Claimed) Append(buf []byte) []byte { return r.append(buf) }

// Bound implements Record.
func (*Claimed) Bound() int64 { return smallBound }

func (*Claimed) allows(e *Event) bool { return e.Status == storage.Pending && !e.Claimed }

func (*Claimed) change(e *Event) {
	if e.Claimed {
		e.Crashes++ // the process died with the claim before
	}
	e.Claimed = true
}

func (r *Claimed) apply(d *Decision, to *Memtable, sequence uint64, _ Place) *Event {
	return applyTransition(r, d, to, sequence)
}

func (r *Claimed) recover(rec *Recovery, sequence uint64, _ Place) error {
	return rec.transit(r, r.Subject, sequence)
}

// Claim is the command to lease a pending event.
type Claim struct {
	Subject
	Known Known
}

// Bound implements Command.
func (*Claim) Bound() int64 { return smallBound }

func (c *Claim) of() storage.Identity { return c.Of }

func (c *Claim) decide(s *Step) (Decision, error) {
	return s.transit(&Claimed{Subject: c.Subject}, c.Subject, &c.Known)
}

// Saved keeps a trigger's progress.
type Saved struct {
	durable
	Subject
	Progress []byte
}

// Kind implements Record.
func (*Saved) Kind() byte { return kindSaved }

// Append implements Record.
func (r *Saved) Append(buf []byte) []byte { return append(r.append(buf), r.Progress...) }

// Bound implements Record.
func (r *Saved) Bound() int64 { return smallBound + int64(len(r.Progress)) }

func (*Saved) allows(e *Event) bool { return e.Claimed }
func (r *Saved) change(e *Event)    { e.Progress = r.Progress }

func (r *Saved) apply(d *Decision, to *Memtable, sequence uint64, _ Place) *Event {
	return applyTransition(r, d, to, sequence)
}

func (r *Saved) recover(rec *Recovery, sequence uint64, _ Place) error {
	return rec.transit(r, r.Subject, sequence)
}

// Save is the command to keep a claimed event's progress, which belongs to it
// from then on.
type Save struct {
	Subject
	Progress []byte
	Known    Known
}

// Bound implements Command.
func (c *Save) Bound() int64 { return smallBound + int64(len(c.Progress)) }

func (c *Save) of() storage.Identity { return c.Of }

func (c *Save) decide(s *Step) (Decision, error) {
	return s.transit(&Saved{Subject: c.Subject, Progress: c.Progress}, c.Subject, &c.Known)
}
