package state

import (
	"slices"
	"time"

	"github.com/hookgate/hookgate/internal/wire"
	"github.com/hookgate/hookgate/module/storage"
)

// Finished ends an attempt, and the claim.
type Finished struct {
	deferrable
	Subject
	Age     int64
	Status  storage.Status
	Due     time.Time
	Attempt storage.Attempt
}

// Kind implements Record.
func (*Finished) Kind() byte { return kindFinished }

// Append implements Record.
func (r *Finished) Append(buf []byte) []byte {
	buf = r.append(buf)
	buf = wire.AppendInt(buf, r.Age)
	buf = append(buf, StatusCode(r.Status))
	buf = wire.AppendTime(buf, r.Due)
	return appendAttempt(buf, r.Attempt)
}

// Bound implements Record.
func (r *Finished) Bound() int64 {
	return smallBound + int64(len(r.Attempt.Error)+len(r.Attempt.Detail))
}

func (*Finished) allows(e *Event) bool { return e.Claimed }

func (r *Finished) change(e *Event) {
	e.Claimed = false
	e.Status = r.Status
	e.Due = r.Due
	e.Crashes = 0
	if r.Status != storage.Pending {
		e.Since = r.Age
	}
	e.Tries++
	e.Attempts = slices.Concat(e.Attempts, []storage.Attempt{r.Attempt})
	if len(e.Attempts) > storage.MaxAttempts {
		e.Attempts = slices.Delete(e.Attempts, 1, 2)
	}
}

func (r *Finished) apply(d *Decision, to *Memtable, sequence uint64, _ Place) *Event {
	return applyTransition(r, d, to, sequence)
}

func (r *Finished) recover(rec *Recovery, sequence uint64, _ Place) error {
	return rec.transit(r, r.Subject, sequence)
}

// Finish is the command to record the result of an attempt.
type Finish struct {
	Subject
	Status  storage.Status
	Due     time.Time
	Attempt storage.Attempt
	Known   Known
}

// Bound implements Command.
func (c *Finish) Bound() int64 {
	return smallBound + int64(len(c.Attempt.Error)+len(c.Attempt.Detail))
}

func (c *Finish) of() storage.Identity { return c.Of }

func (c *Finish) decide(s *Step) (Decision, error) {
	r := &Finished{Subject: c.Subject, Age: s.Now, Status: c.Status, Due: c.Due, Attempt: c.Attempt}
	return s.transit(r, c.Subject, &c.Known)
}

// Released ends a claim without an attempt.
type Released struct {
	deferrable
	Subject
	Due time.Time
}

// Kind implements Record.
func (*Released) Kind() byte { return kindReleased }

// Append implements Record.
func (r *Released) Append(buf []byte) []byte { return wire.AppendTime(r.append(buf), r.Due) }

// Bound implements Record.
func (*Released) Bound() int64 { return smallBound }

func (*Released) allows(e *Event) bool { return e.Claimed }

func (r *Released) change(e *Event) {
	e.Claimed = false
	e.Due = r.Due
}

func (r *Released) apply(d *Decision, to *Memtable, sequence uint64, _ Place) *Event {
	return applyTransition(r, d, to, sequence)
}

func (r *Released) recover(rec *Recovery, sequence uint64, _ Place) error {
	return rec.transit(r, r.Subject, sequence)
}

// Release is the command to end a claim without an attempt.
type Release struct {
	Subject
	Due   time.Time
	Known Known
}

// Bound implements Command.
func (*Release) Bound() int64 { return smallBound }

func (c *Release) of() storage.Identity { return c.Of }

func (c *Release) decide(s *Step) (Decision, error) {
	return s.transit(&Released{Subject: c.Subject, Due: c.Due}, c.Subject, &c.Known)
}
