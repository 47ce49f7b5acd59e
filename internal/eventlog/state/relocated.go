package state

import (
	"errors"

	"github.com/hookgate/hookgate/internal/wire"
	"github.com/hookgate/hookgate/module/storage"
)

// Relocated has all of an event, and of others that share its header and body, so
// that the segment with their earlier records can go.
type Relocated struct {
	durable
	Of     storage.Identity
	first  *Event
	others []*Event
	// content has header and body; nil when they are lost.
	content *storage.Event
}

// Kind implements Record.
func (*Relocated) Kind() byte { return kindRelocated }

// Append implements Record.
func (r *Relocated) Append(buf []byte) []byte {
	buf = Subject{r.Of, r.first.ID}.append(buf)
	buf = wire.AppendUint(buf, uint64(len(r.others)))
	for _, e := range r.others {
		buf = append(buf, e.ID[:]...)
		buf = append(buf, StatusCode(e.Status))
		buf = e.appendState(buf)
	}
	buf = append(buf, StatusCode(r.first.Status))
	buf = r.first.appendState(buf)
	if r.content != nil {
		buf = appendContent(buf, r.content)
	}
	return buf
}

// Bound implements Record.
func (r *Relocated) Bound() int64 {
	n := smallBound + r.first.Size()
	for _, e := range r.others {
		n += e.Size()
	}
	if r.content != nil {
		n += contentBound(r.content)
	}
	return n
}

func (d *decoder) relocated(of Subject, several, whole bool) *Relocated {
	r := &Relocated{Of: of.Of}
	if several {
		if n := d.Count(minState); n > 0 {
			r.others = make([]*Event, n)
		}
		for i := range r.others {
			r.others[i] = d.relocatedEvent(Subject{of.Of, d.ID()})
		}
	}
	r.first = d.relocatedEvent(of)
	if !r.first.Damaged {
		r.content = &storage.Event{}
		d.content(r.content, whole)
	}
	return r
}

func (d *decoder) relocatedEvent(of Subject) *Event {
	e := &Event{}
	e.ID, e.Integration = of.ID, of.Of
	e.Status = d.status()
	d.state(e)
	return e
}

// Integration implements Whole.
func (r *Relocated) Integration() storage.Identity { return r.Of }

// Count implements Whole.
func (r *Relocated) Count() int { return 1 + len(r.others) }

// ID implements Whole.
func (r *Relocated) ID(n int) storage.ID { return r.at(n).ID }

func (r *Relocated) at(n int) *Event {
	if n == 0 {
		return r.first
	}
	return r.others[n-1]
}

// Event implements Whole.
func (r *Relocated) Event(n int) *storage.Event {
	if r.content == nil {
		return nil
	}
	event := r.at(n).Event
	event.Header, event.Body = r.content.Header, r.content.Body
	return &event
}

func (r *Relocated) apply(d *Decision, to *Memtable, sequence uint64, at Place) *Event {
	first := r.first.moved(sequence, at)
	to.Put(first, d.upon.Indexed)
	for _, other := range d.others {
		to.Put(other.Now.moved(sequence, at), other.Indexed)
	}
	return first
}

func (r *Relocated) recover(rec *Recovery, sequence uint64, at Place) error {
	for n := range r.Count() {
		e := r.at(n).moved(sequence, at)
		if err := rec.relocate(e); err != nil {
			return err
		}
		if err := rec.remember(DedupeKey{r.Of, e.Key}, DedupeEntry{ID: e.ID, Born: e.Born}); err != nil {
			return err
		}
	}
	return nil
}

// Relocate is the command to have events go to another place together, whole and
// with their state. One alone is purged instead, if it may be.
type Relocate struct {
	Of      storage.Identity
	Sharing []Shared       // header and body
	From    Place          // where they were found
	Content *storage.Event // has header and body; nil when they are lost
	Policy  Policy         // for one alone
}

// Shared is one of the events that share a record.
type Shared struct {
	ID    storage.ID
	Known Known
}

// Bound implements Command: it is that of the content, for what else there is can
// only be said when it is decided on.
func (c *Relocate) Bound() int64 {
	if c.Content == nil {
		return smallBound
	}
	return smallBound + contentBound(c.Content) + EnvelopeSize(c.Content)
}

func (c *Relocate) of() storage.Identity { return c.Of }

// decide leaves out what was purged, or relocated already.
func (c *Relocate) decide(s *Step) (Decision, error) {
	r := &Relocated{Of: c.Of, content: c.Content}
	d := Decision{Verdict: Write, Record: r}
	for i := range c.Sharing {
		shared := &c.Sharing[i]
		current, err := s.find(c.Of, shared.ID, &shared.Known)
		switch {
		case errors.Is(err, storage.ErrNotFound):
		case err != nil:
			return Decision{}, err
		case current.Now.Place != c.From:
		case r.first == nil:
			d.upon, r.first = current, current.Now
		default:
			d.others, r.others = append(d.others, current), append(r.others, current.Now)
		}
	}
	if r.first == nil {
		return Decision{}, nil
	}
	if len(c.Sharing) == 1 {
		if goes, err := s.mayGo(d.upon, c.Policy, &c.Sharing[0].Known); err != nil || goes {
			return s.purge(d.upon, err, &c.Sharing[0].Known)
		}
	}
	if c.Content == nil && !r.first.Damaged {
		unreadable := *r.first
		unreadable.Damaged = true
		r.first = &unreadable
	}
	return d, nil
}
