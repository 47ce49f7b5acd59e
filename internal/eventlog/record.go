package eventlog

import (
	"encoding/binary"
	"time"

	"github.com/hookgate/hookgate/module/storage"
)

// kind of a record in the log.
type kind byte

// What can happen to an event, to all of an integration (dropped), or to the
// log: a closed record is the last of a log that was closed and not killed, a
// clock record notes its clock, and a removed one that its first segments are
// not needed any more. A replayed record begins an event as an accepted one
// does, and makes it the newest of its chain. A kept record has all of an event,
// so that the segment with its earlier records can go. An acceptedAll record
// begins several events that differ in their resource, a requeuedAll one has
// several queued again, and a relocatedAll one has all of several that share a body:
// one record is there as a whole or not at all.
const (
	accepted kind = iota + 1
	claimed
	saved
	finished
	released
	requeued
	dropped
	closed
	replayed
	relocated
	purged
	clocked
	removed
	acceptedAll
	requeuedAll
	relocatedAll
)

// record is one thing that happened. Which fields count depends on the kind.
type record struct {
	kind      kind
	identity  storage.Identity
	id        storage.ID
	at        time.Time       // requeued; clocked: by the wall clock
	due       time.Time       // finished, released
	status    storage.Status  // finished
	attempt   storage.Attempt // finished
	progress  []byte          // saved
	event     *storage.Event  // accepted, replayed; kept, unless it is damaged
	key       string          // accepted: the dedupe key; purged: if it is remembered
	replayOf  storage.ID      // replayed
	first     storage.ID      // replayed: of the chain
	relocated *event          // kept: all but what event has
	segment   uint64          // removed: the last one that is
	last      uint64          // removed: the last sequence number in there

	further []storage.Resource // acceptedAll: of the events behind the first
	rest    []storage.ID       // requeuedAll: the events beside the first
	others  []*event           // relocatedAll: the events beside kept

	// age is by the log's clock: when this happened (accepted, replayed,
	// finished, requeued, clocked), or when the event that is remembered was
	// accepted (purged).
	age int64
}

// begins says whether the record has a whole event.
func (r *record) begins() bool {
	switch r.kind {
	case accepted, acceptedAll, replayed, relocated, relocatedAll:
		return true
	}
	return false
}

// parts is how many events the record is about, if it is about events.
func (r *record) parts() int { return 1 + len(r.further) + len(r.rest) + len(r.others) }

// part returns the record as it would be of its n-th event alone, from 0. What
// all of the events share is in part 0, which is the record itself.
func (r *record) part(n int) *record {
	if n == 0 {
		return r
	}
	part := *r
	part.further, part.rest, part.others, part.key = nil, nil, nil, ""
	switch r.kind {
	case requeuedAll:
		part.id = r.rest[n-1]
	case relocatedAll:
		part.relocated = r.others[n-1]
		part.id = part.relocated.ID
		if r.event != nil {
			event := part.relocated.Event
			event.Header, event.Body = r.event.Header, r.event.Body
			part.event = &event
		}
	default:
		part.id = forward(r.id, uint64(n))
		event := *r.event
		event.ID, event.ResourceType, event.ResourceID = part.id, r.further[n-1].Type, r.further[n-1].ID
		part.event = &event
	}
	return &part
}

// append writes the record. The body comes last, so that it is copied once and
// needs no length.
func (r *record) append(buf []byte) []byte {
	buf = append(buf, r.identity[:]...)
	buf = append(buf, r.id[:]...)
	switch r.kind {
	case accepted:
		buf = appendInt(buf, r.age)
		buf = appendString(buf, r.key)
		buf = appendEvent(buf, r.event)
	case acceptedAll:
		buf = appendInt(buf, r.age)
		buf = appendString(buf, r.key)
		buf = binary.AppendUvarint(buf, uint64(len(r.further)))
		for _, resource := range r.further {
			buf = appendString(buf, resource.Type)
			buf = appendString(buf, resource.ID)
		}
		buf = appendEvent(buf, r.event)
	case replayed:
		buf = appendInt(buf, r.age)
		buf = append(buf, r.replayOf[:]...)
		buf = append(buf, r.first[:]...)
		buf = appendEvent(buf, r.event)
	case relocatedAll:
		buf = binary.AppendUvarint(buf, uint64(len(r.others)))
		for _, e := range r.others {
			buf = append(buf, e.ID[:]...)
			buf = append(buf, statusCode(e.Status))
			buf = e.appendState(buf)
		}
		fallthrough
	case relocated:
		buf = append(buf, statusCode(r.relocated.Status))
		buf = r.relocated.appendState(buf)
		if r.event != nil {
			buf = appendHeader(buf, r.event.Header)
			buf = append(buf, r.event.Body...)
		}
	case saved:
		buf = append(buf, r.progress...)
	case finished:
		buf = appendInt(buf, r.age)
		buf = append(buf, statusCode(r.status))
		buf = appendTime(buf, r.due)
		buf = appendAttempt(buf, r.attempt)
	case released:
		buf = appendTime(buf, r.due)
	case requeued, clocked:
		buf = appendInt(buf, r.age)
		buf = appendTime(buf, r.at)
	case requeuedAll:
		buf = appendInt(buf, r.age)
		buf = appendTime(buf, r.at)
		buf = binary.AppendUvarint(buf, uint64(len(r.rest)))
		for _, id := range r.rest {
			buf = append(buf, id[:]...)
		}
	case purged:
		buf = appendInt(buf, r.age)
		buf = appendString(buf, r.key)
	case removed:
		buf = binary.AppendUvarint(buf, r.segment)
		buf = binary.AppendUvarint(buf, r.last)
	}
	return buf
}

// bound is the most bytes that append writes for the record.
func (r *record) bound() int64 {
	n := int64(512 + len(r.key) + len(r.progress) + len(r.attempt.Error) + len(r.attempt.Detail))
	n += int64(len(r.rest) * len(storage.ID{}))
	for _, resource := range r.further {
		n += int64(len(resource.Type) + len(resource.ID) + 20)
	}
	for _, e := range r.others {
		n += e.stateBound() + envelopeSize(&e.Event)
	}
	if r.relocated != nil {
		n += r.relocated.stateBound() + envelopeSize(&r.relocated.Event)
	} else if r.event != nil {
		n += envelopeSize(r.event)
	}
	if e := r.event; e != nil {
		n += int64(len(e.Body))
		for name, values := range e.Header {
			n += int64(len(name)) + 20
			for _, value := range values {
				n += int64(len(value)) + 10
			}
		}
	}
	return n
}

// envelopeSize counts the bytes of an event's texts.
func envelopeSize(e *storage.Event) int64 {
	return int64(len(e.WebhookID) + len(e.Project) + len(e.Alias) + len(e.Provider) + len(e.Type) +
		len(e.DeliveryID) + len(e.ResourceType) + len(e.ResourceID))
}

// decodeRecord reads what append wrote. Header and body are left out unless
// they are wanted: an index needs neither. The body shares raw's bytes.
func decodeRecord(k kind, raw []byte, whole bool) (record, error) {
	d := decoder{raw: raw}
	r := record{kind: k, identity: d.id(), id: d.id()}
	switch k {
	case accepted:
		r.age = d.int()
		r.key = d.string()
		r.event = d.event(&r, whole)
	case acceptedAll:
		r.age = d.int()
		r.key = d.string()
		r.further = make([]storage.Resource, d.count(2))
		for i := range r.further {
			r.further[i] = storage.Resource{Type: d.string(), ID: d.string()}
		}
		r.event = d.event(&r, whole)
	case replayed:
		r.age = d.int()
		r.replayOf = d.id()
		r.first = d.id()
		r.event = d.event(&r, whole)
	case relocated:
		d.relocated(&r, whole)
	case relocatedAll:
		r.others = make([]*event, d.count(minState))
		for i := range r.others {
			r.others[i] = d.relocatedEvent(r.identity, d.id())
		}
		d.relocated(&r, whole)
	case saved:
		r.progress = append([]byte(nil), d.take(uint64(len(d.raw)))...)
	case finished:
		r.age = d.int()
		r.status = d.status()
		r.due = d.time()
		r.attempt = d.attempt()
	case released:
		r.due = d.time()
	case requeued, clocked:
		r.age = d.int()
		r.at = d.time()
	case requeuedAll:
		r.age = d.int()
		r.at = d.time()
		r.rest = make([]storage.ID, d.count(len(storage.ID{})))
		for i := range r.rest {
			r.rest[i] = d.id()
		}
	case purged:
		r.age = d.int()
		r.key = d.string()
	case removed:
		r.segment = d.uint()
		r.last = d.uint()
	case claimed, dropped, closed:
	default:
		d.fail()
	}
	return r, d.err()
}

// appendEvent writes an event without ID and identity.
func appendEvent(buf []byte, e *storage.Event) []byte {
	buf = appendEnvelope(buf, e)
	buf = appendHeader(buf, e.Header)
	return append(buf, e.Body...)
}

func (d *decoder) event(r *record, whole bool) *storage.Event {
	e := &storage.Event{ID: r.id, Integration: r.identity}
	d.envelope(e)
	d.content(e, whole)
	return e
}

func (d *decoder) relocated(r *record, whole bool) {
	r.relocated = d.relocatedEvent(r.identity, r.id)
	if r.relocated.damaged {
		return
	}
	e := r.relocated.Event
	d.content(&e, whole)
	r.event = &e
}

// minState is the fewest bytes of an event that is kept beside another.
const minState = 32

func (d *decoder) relocatedEvent(identity storage.Identity, id storage.ID) *event {
	e := &event{}
	e.ID, e.Integration = id, identity
	e.Status = d.status()
	d.state(e)
	return e
}

// content reads header and body, or leaves them out.
func (d *decoder) content(e *storage.Event, whole bool) {
	if whole {
		e.Header = d.header()
		e.Body = d.take(uint64(len(d.raw)))
	} else if !d.failed {
		d.raw = nil
	}
}

// appendEnvelope writes an event without ID, identity, header and body.
func appendEnvelope(buf []byte, e *storage.Event) []byte {
	buf = appendTime(buf, e.ReceivedAt)
	buf = appendString(buf, e.WebhookID)
	buf = appendString(buf, e.Project)
	buf = appendString(buf, e.Alias)
	buf = appendString(buf, e.Provider)
	buf = appendString(buf, e.Type)
	buf = appendString(buf, e.DeliveryID)
	buf = appendString(buf, e.ResourceType)
	return appendString(buf, e.ResourceID)
}

func (d *decoder) envelope(e *storage.Event) {
	e.ReceivedAt = d.time()
	e.WebhookID = d.string()
	e.Project = d.string()
	e.Alias = d.string()
	e.Provider = d.string()
	e.Type = d.string()
	e.DeliveryID = d.string()
	e.ResourceType = d.string()
	e.ResourceID = d.string()
}
