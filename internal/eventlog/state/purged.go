package state

import (
	"errors"
	"time"

	"github.com/hookgate/hookgate/internal/wire"
	"github.com/hookgate/hookgate/module/storage"
)

// Purged deletes an event. With a key, the event is remembered for its copies.
type Purged struct {
	lazy
	Subject
	Key string
	Age int64 // with a key: when the event was accepted, by the log's clock
}

// Kind implements Record.
func (*Purged) Kind() byte { return kindPurged }

// Append implements Record.
func (r *Purged) Append(buf []byte) []byte {
	buf = r.append(buf)
	buf = wire.AppendInt(buf, r.Age)
	return wire.AppendString(buf, r.Key)
}

// Bound implements Record.
func (r *Purged) Bound() int64 { return smallBound + int64(len(r.Key)) }

func (*Purged) allows(*Event) bool { return true }
func (*Purged) change(e *Event)    { e.Purged = true }

func (r *Purged) apply(d *Decision, to *Memtable, sequence uint64, _ Place) *Event {
	if d.upon.Now == nil {
		return nil // it was purged before, and is remembered on
	}
	return applyTransition(r, d, to, sequence)
}

func (r *Purged) recover(rec *Recovery, sequence uint64, _ Place) error {
	if err := rec.purge(r, sequence); err != nil {
		return err
	}
	return rec.remember(DedupeKey{r.Of, r.Key}, DedupeEntry{ID: r.ID, Born: r.Age, Purged: true})
}

// Policy says what may be purged.
type Policy int

// Each allows what the one before it allows, and more.
const (
	PastTime  Policy = iota // what was kept for as long as it should be
	Delivered               // whatever was delivered
	Settled                 // whatever is not pending
)

// covers reports whether the event may be purged at a time of the log's clock.
func (p Policy) covers(e *Event, limits *storage.Limits, now int64) bool {
	var keep time.Duration
	switch e.Status {
	case storage.Delivered:
		if p >= Delivered {
			return true
		}
		keep = limits.Delivered
	case storage.Failed:
		if p >= Settled {
			return true
		}
		keep = limits.Failed
	default:
		return false
	}
	return keep > 0 && now-e.Since >= keep.Milliseconds()
}

// mayGo reports whether an event may be purged, as the group leaves it. The newest
// of its chain stands for all of it and must be one that may go, too; and so must
// be those that were accepted with it, for it leads their copies to them.
func (s *Step) mayGo(of Change, p Policy, known *Known) (bool, error) {
	if !p.covers(of.Now, s.Limits, s.Now) {
		return false, nil
	}
	if of.Now.Chain == (Chain{}) && of.Now.Further == 0 {
		return true, nil
	}
	for n := range 1 + of.Now.Further {
		_, newest, err := s.further(of, n, known)
		switch {
		case errors.Is(err, storage.ErrNotFound): // it has gone
		case err != nil || !p.covers(newest.Now, s.Limits, s.Now):
			return false, err
		}
	}
	return true, nil
}

// purge purges an event. Its dedupe key is remembered for copies, or is free.
func (s *Step) purge(of Change, err error, known *Known) (Decision, error) {
	if err != nil {
		return Decision{}, err
	}
	e := of.Now
	r := &Purged{Subject: Subject{e.Integration, e.ID}, Age: s.Now}
	d := Decision{Verdict: Write, Record: r, upon: of}
	if e.Key == "" {
		return d, nil
	}
	key := DedupeKey{e.Integration, e.Key}
	first, found, err := s.entry(key, known)
	if err != nil || !found || first.ID != e.ID {
		return d, err
	}
	d.key = key
	if s.remembers(first) {
		first.Purged = true
		d.entry = first
		r.Key, r.Age = e.Key, first.Born
	}
	return d, nil
}

func (s *Step) remembers(e DedupeEntry) bool {
	remember := s.Limits.Remember
	return remember == 0 || e.within(remember.Milliseconds(), s.Now)
}

// Purge is the command to purge an event, if the policy allows it.
type Purge struct {
	Subject
	Policy Policy
	Known  Known
}

// Bound implements Command.
func (*Purge) Bound() int64 { return smallBound }

func (c *Purge) of() storage.Identity { return c.Of }

func (c *Purge) decide(s *Step) (Decision, error) {
	current, err := s.find(c.Of, c.ID, &c.Known)
	if err != nil {
		return Decision{}, err
	}
	goes, err := s.mayGo(current, c.Policy, &c.Known)
	if err != nil || !goes {
		return Decision{}, err
	}
	return s.purge(current, nil, &c.Known)
}

// Remember is the command to write once more that an event was purged, for the
// segment with the record goes. It ends when the event need not be remembered.
type Remember struct {
	Record Purged
	Known  Known
}

// Bound implements Command.
func (c *Remember) Bound() int64 { return c.Record.Bound() }

func (c *Remember) of() storage.Identity { return c.Record.Of }

func (c *Remember) decide(s *Step) (Decision, error) {
	key := DedupeKey{c.Record.Of, c.Record.Key}
	first, found, err := s.entry(key, &c.Known)
	switch {
	case err != nil, !found, !first.Purged, first.ID != c.Record.ID:
		return Decision{}, err
	case s.remembers(first):
		return Decision{Verdict: Write, Record: &c.Record}, nil
	}
	return Decision{Verdict: Apply, key: key}, nil
}
