package eventlog

import (
	"time"

	"github.com/hookgate/hookgate/module/storage"
)

// kind of a record in the log.
type kind byte

// What can happen to an event, or to all of an integration (dropped). A closed
// record is the last of a log that was closed and not killed. A replayed record
// begins an event as an accepted one does, and makes it the newest of its chain.
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
)

// record is one thing that happened. Which fields count depends on the kind.
type record struct {
	kind     kind
	identity storage.Identity
	id       storage.ID
	at       time.Time       // requeued
	due      time.Time       // finished, released
	status   storage.Status  // finished
	attempt  storage.Attempt // finished
	progress []byte          // saved
	event    *storage.Event  // accepted, replayed
	key      string          // accepted: the dedupe key
	replayOf storage.ID      // replayed
	first    storage.ID      // replayed: of the chain
}

// begins says whether the record begins an event.
func (r *record) begins() bool { return r.kind == accepted || r.kind == replayed }

// append writes the record. The body comes last, so that it is copied once and
// needs no length.
func (r *record) append(buf []byte) []byte {
	buf = append(buf, r.identity[:]...)
	buf = append(buf, r.id[:]...)
	switch r.kind {
	case accepted:
		buf = appendString(buf, r.key)
		buf = appendEvent(buf, r.event)
	case replayed:
		buf = append(buf, r.replayOf[:]...)
		buf = append(buf, r.first[:]...)
		buf = appendEvent(buf, r.event)
	case saved:
		buf = append(buf, r.progress...)
	case finished:
		buf = append(buf, statusCode(r.status))
		buf = appendTime(buf, r.due)
		buf = appendAttempt(buf, r.attempt)
	case released:
		buf = appendTime(buf, r.due)
	case requeued:
		buf = appendTime(buf, r.at)
	}
	return buf
}

// bound is the most bytes that append writes for the record.
func (r *record) bound() int64 {
	n := int64(512 + len(r.key) + len(r.progress) + len(r.attempt.Error) + len(r.attempt.Detail))
	if e := r.event; e != nil {
		n += int64(len(e.WebhookID) + len(e.Project) + len(e.Alias) + len(e.Provider) + len(e.Type) +
			len(e.DeliveryID) + len(e.ResourceType) + len(e.ResourceID) + len(e.Body))
		for name, values := range e.Header {
			n += int64(len(name)) + 20
			for _, value := range values {
				n += int64(len(value)) + 10
			}
		}
	}
	return n
}

// decodeRecord reads what append wrote. Header and body are left out unless
// they are wanted: an index needs neither. The body shares raw's bytes.
func decodeRecord(k kind, raw []byte, whole bool) (record, error) {
	d := decoder{raw: raw}
	r := record{kind: k, identity: d.id(), id: d.id()}
	switch k {
	case accepted:
		r.key = d.string()
		r.event = d.event(&r, whole)
	case replayed:
		r.replayOf = d.id()
		r.first = d.id()
		r.event = d.event(&r, whole)
	case saved:
		r.progress = append([]byte(nil), d.take(uint64(len(d.raw)))...)
	case finished:
		r.status = d.status()
		r.due = d.time()
		r.attempt = d.attempt()
	case released:
		r.due = d.time()
	case requeued:
		r.at = d.time()
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
	if whole {
		e.Header = d.header()
		e.Body = d.take(uint64(len(d.raw)))
	} else if !d.failed {
		d.raw = nil
	}
	return e
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
