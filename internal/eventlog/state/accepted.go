package state

import (
	"errors"

	"github.com/hookgate/hookgate/internal/wire"
	"github.com/hookgate/hookgate/module/storage"
)

// Accepted begins an event, and others that differ from it in their resource
// alone. Their IDs follow the first one's.
type Accepted struct {
	durable
	Subject
	Age     int64  // when that was, by the log's clock
	Key     string // the dedupe key, which leads to the first event
	Further []storage.Resource
	Begun   *storage.Event
}

// Kind implements Record.
func (*Accepted) Kind() byte { return kindAccepted }

// Append implements Record.
func (r *Accepted) Append(buf []byte) []byte {
	buf = r.append(buf)
	buf = wire.AppendInt(buf, r.Age)
	buf = wire.AppendString(buf, r.Key)
	buf = wire.AppendUint(buf, uint64(len(r.Further)))
	for _, resource := range r.Further {
		buf = wire.AppendString(buf, resource.Type)
		buf = wire.AppendString(buf, resource.ID)
	}
	return appendContent(appendEnvelope(buf, r.Begun), r.Begun)
}

// Bound implements Record.
func (r *Accepted) Bound() int64 {
	n := smallBound + int64(len(r.Key)) + EnvelopeSize(r.Begun) + contentBound(r.Begun)
	for _, resource := range r.Further {
		n += int64(len(resource.Type) + len(resource.ID) + 20)
	}
	return n
}

func (d *decoder) accepted(of Subject, several, whole bool) *Accepted {
	r := &Accepted{Subject: of, Age: d.Int(), Key: d.String()}
	if several {
		if n := d.Count(2); n > 0 {
			r.Further = make([]storage.Resource, n)
		}
		for i := range r.Further {
			r.Further[i] = storage.Resource{Type: d.String(), ID: d.String()}
		}
	}
	r.Begun = &storage.Event{ID: of.ID, Integration: of.Of}
	d.envelope(r.Begun)
	d.content(r.Begun, whole)
	return r
}

// Integration implements Whole.
func (r *Accepted) Integration() storage.Identity { return r.Of }

// Count implements Whole.
func (r *Accepted) Count() int { return 1 + len(r.Further) }

// ID implements Whole.
func (r *Accepted) ID(n int) storage.ID { return Forward(r.Subject.ID, uint64(n)) }

// Event implements Whole.
func (r *Accepted) Event(n int) *storage.Event {
	if n == 0 {
		return r.Begun
	}
	event := *r.Begun
	event.ID, event.ResourceType, event.ResourceID = r.ID(n), r.Further[n-1].Type, r.Further[n-1].ID
	return &event
}

// begun is the n-th event as the record begins it.
func (r *Accepted) begun(n int, sequence uint64, at Place) *Event {
	e := newEvent(r.Event(n), sequence, at, r.Age)
	if n == 0 {
		e.Key, e.Further = r.Key, len(r.Further)
	}
	return e
}

func (r *Accepted) apply(_ *Decision, to *Memtable, sequence uint64, at Place) *Event {
	first := r.begun(0, sequence, at)
	to.Put(first, nil)
	for n := 1; n < r.Count(); n++ {
		to.Put(r.begun(n, sequence, at), nil)
	}
	r.lead(to)
	return first
}

func (r *Accepted) recover(rec *Recovery, sequence uint64, at Place) error {
	for n := range r.Count() {
		if err := rec.begin(r.begun(n, sequence, at)); err != nil {
			return err
		}
	}
	r.lead(rec.Active) // of two events, the later record is of the newer one
	return nil
}

// lead points the dedupe key at the event.
func (r *Accepted) lead(to *Memtable) {
	if r.Key != "" {
		to.Entries[DedupeKey{r.Of, r.Key}] = DedupeEntry{ID: r.Subject.ID, Born: r.Age}
	}
}

// Append is the command to store an event, or to find the one that stands for it.
type Append struct {
	record   Accepted
	requeued Requeued
	dedupe   storage.Dedupe

	Known Known // of the dedupe key

	// Stands and Outcome are the answer.
	Stands  storage.ID
	Outcome storage.Outcome
}

// NewAppend returns a command for the event and one for each further resource.
func NewAppend(e *storage.Event, dedupe storage.Dedupe, further []storage.Resource) Append {
	return Append{
		record: Accepted{Subject: Subject{Of: e.Integration}, Key: string(dedupe.Key), Further: further, Begun: e},
		dedupe: dedupe,
	}
}

// Key is the dedupe key; "" is none.
func (c *Append) Key() string { return c.record.Key }

// Bound implements Command.
func (c *Append) Bound() int64 { return c.record.Bound() }

func (c *Append) of() storage.Identity { return c.record.Of }

// decide looks for an event that stands for the new one.
func (c *Append) decide(s *Step) (Decision, error) {
	r := &c.record
	if r.Key != "" {
		first, found, err := s.entry(DedupeKey{r.Of, r.Key}, &c.Known)
		if !found && err == nil && len(c.dedupe.Former) > 0 {
			first, found, err = s.entry(DedupeKey{r.Of, string(c.dedupe.Former)}, &Known{})
		}
		if err != nil {
			return Decision{}, err
		}
		if found && first.within(c.dedupe.Window.Milliseconds(), s.Now) {
			if first.Purged {
				return c.decideRemembered(s, first)
			}
			current, err := s.find(r.Of, first.ID, &c.Known)
			if err == nil {
				return c.decideCopy(s, current)
			}
			if !errors.Is(err, storage.ErrNotFound) {
				return Decision{}, err
			}
		}
	}
	var err error
	if r.Subject.ID, err = s.Base.Admit(r.Begun, r.Count(), int64(r.Count())*r.Bound()); err != nil {
		return Decision{}, err
	}
	r.Begun.ID, r.Age = r.Subject.ID, s.Now
	c.Outcome, c.Stands = storage.Accepted, r.Subject.ID
	return Decision{Verdict: Write, Record: r}, nil
}

// decideCopy answers a duplicate of the first event of a chain: when the newest
// has failed, it is queued again. So are those of the events that were accepted
// with the first.
func (c *Append) decideCopy(s *Step, first Change) (Decision, error) {
	of := c.record.Of
	c.Stands, c.Outcome = first.Now.ID, storage.Duplicate
	verdict := NoOp
	var failed []Change
	for n := range 1 + first.Now.Further {
		event, newest, err := s.further(first, n, &c.Known)
		switch {
		case errors.Is(err, storage.ErrNotFound): // it was purged
		case err != nil:
			return Decision{}, err
		case newest.Now.Status != storage.Failed || newest.Now.Requeued >= c.dedupe.Requeues:
			if s.Staged.Get(of, event.Now.ID) != nil || s.Staged.Get(of, newest.Now.ID) != nil {
				verdict = Wait
			}
		default:
			failed = append(failed, newest)
		}
	}
	if len(failed) == 0 {
		return Decision{Verdict: verdict, upon: first}, nil
	}
	c.Outcome = storage.Requeued
	c.requeued = Requeued{Subject: Subject{of, failed[0].Now.ID}, At: c.record.Begun.ReceivedAt, Age: s.Now}
	for _, other := range failed[1:] {
		c.requeued.Rest = append(c.requeued.Rest, other.Now.ID)
	}
	return Decision{Verdict: Write, Record: &c.requeued, upon: failed[0], others: failed[1:]}, nil
}

// decideRemembered answers a duplicate of an event that was purged.
func (c *Append) decideRemembered(s *Step, first DedupeEntry) (Decision, error) {
	c.Outcome, c.Stands = storage.Duplicate, first.ID
	if _, ok := s.Staged.Entries[DedupeKey{c.record.Of, c.record.Key}]; ok {
		return Decision{Verdict: Wait}, nil
	}
	return Decision{Verdict: NoOp}, nil
}
