package eventlog

import (
	"encoding/binary"
	"slices"

	"github.com/hookgate/hookgate/module/storage"
)

// event is what is known of one event without reading its record: everything
// but header and body. One that others can see is never changed; apply makes
// another.
type event struct {
	storage.Event // without Header and Body
	storage.State

	place    place
	key      string // of the dedupe entry; "" has none
	further  int    // events that were accepted with it, under the IDs behind its own
	chain    chain
	claimed  bool
	damaged  bool   // its header and body are lost
	gone     bool   // it was purged; the index may have it still
	born     int64  // when it was accepted, by the log's clock
	since    int64  // when it was accepted, settled or queued again, by the same
	sequence uint64 // of the last record in it
}

// chain is what an event knows of its replay chain.
type chain struct {
	replayOf storage.ID // zero for a sender's own event
	first    storage.ID // zero in the first event itself
	newest   storage.ID // in the first event alone; zero when it was never replayed
}

// place is where the record stands that began the event, or kept it later.
type place struct {
	segment uint64
	offset  int64
	length  int64
}

// newEvent is the event that a record begins.
func newEvent(r *record, sequence uint64, at place) *event {
	e := &event{Event: *r.event, place: at, key: r.key, further: len(r.further), sequence: sequence}
	e.chain.replayOf, e.chain.first = r.replayOf, r.first
	e.Header, e.Body = nil, nil
	e.Status = storage.Pending
	e.Due = e.ReceivedAt
	e.QueuedAt = e.ReceivedAt
	e.born, e.since = r.age, r.age
	return e
}

// allows says whether the record can follow upon the event as it is.
func (e *event) allows(r *record) bool {
	switch r.kind {
	case claimed:
		return e.Status == storage.Pending && !e.claimed
	case saved, finished, released:
		return e.claimed
	case requeued, requeuedAll:
		return e.Status == storage.Failed
	}
	return false
}

// apply returns the event as it is after the record. It is the only place
// where an event changes, in service and in recovery.
func (e *event) apply(r *record, sequence uint64) *event {
	next := new(event)
	*next = *e
	next.sequence = sequence
	switch r.kind {
	case claimed:
		if e.claimed {
			next.Crashes++ // the process died with the claim before
		}
		next.claimed = true
	case saved:
		next.Progress = r.progress
	case released:
		next.claimed = false
		next.Due = r.due
	case finished:
		next.claimed = false
		next.Status = r.status
		next.Due = r.due
		next.Crashes = 0
		if r.status != storage.Pending {
			next.since = r.age
		}
		next.Tries++
		next.Attempts = slices.Concat(e.Attempts, []storage.Attempt{r.attempt})
		if len(next.Attempts) > storage.MaxAttempts {
			next.Attempts = slices.Delete(next.Attempts, 1, 2)
		}
	case requeued, requeuedAll:
		next.Status = storage.Pending
		next.Requeued++
		next.QueuedTries = e.Tries
		next.QueuedAt = r.at
		next.Due = r.at
		next.Crashes = 0
		next.Progress = nil
		next.since = r.age
	case replayed: // upon the first event of the chain
		next.chain.newest = r.id
	case purged:
		next.gone = true
	}
	return next
}

// moved is the event after it was kept in another place.
func (e *event) moved(sequence uint64, at place) *event {
	next := new(event)
	*next = *e
	next.sequence, next.place = sequence, at
	return next
}

// crashed is the event after the process died with its claim.
func (e *event) crashed() *event {
	next := new(event)
	*next = *e
	next.claimed = false
	next.Crashes++
	return next
}

// record is the event as a listing shows it. The attempts are the caller's own.
func (e *event) record() storage.Record {
	r := storage.Record{Event: e.Event, State: e.State, ReplayOf: e.chain.replayOf, Newest: e.ID}
	r.Attempts = slices.Clone(e.Attempts)
	r.Progress = slices.Clone(e.Progress)
	return r
}

// amount is what the event counts for.
func (e *event) amount() amount { return amount{events: 1, bytes: e.place.length} }

func (e *event) ref() storage.Ref {
	return storage.Ref{
		ID: e.ID, Integration: e.Integration, WebhookID: e.WebhookID, Project: e.Project,
		ResourceType: e.ResourceType, ResourceID: e.ResourceID, Due: e.Due, Size: e.place.length,
	}
}

// eventVersion begins an event's value in the index.
const eventVersion = 3

// statusAt is where in that value the status stands.
const statusAt = 1

// Flags of an event's state.
const (
	flagClaimed = 1 << iota
	flagDamaged
	flagChain   // its chain follows the attempts
	flagFurther // how many were accepted with it ends the state
)

// append writes the event's value in the index.
func (e *event) append(buf []byte) []byte {
	buf = append(buf, eventVersion, statusCode(e.Status))
	buf = binary.AppendUvarint(buf, e.sequence)
	buf = binary.AppendUvarint(buf, e.place.segment)
	buf = appendInt(buf, e.place.offset)
	buf = appendInt(buf, e.place.length)
	return e.appendState(buf)
}

// appendState writes what is known of the event, but its ID, identity and status.
func (e *event) appendState(buf []byte) []byte {
	flags := byte(0)
	if e.claimed {
		flags |= flagClaimed
	}
	if e.damaged {
		flags |= flagDamaged
	}
	if e.chain != (chain{}) {
		flags |= flagChain
	}
	if e.further > 0 {
		flags |= flagFurther
	}
	buf = append(buf, flags)
	buf = appendInt(buf, e.born)
	buf = appendInt(buf, e.since)
	buf = appendString(buf, e.key)
	buf = appendEnvelope(buf, &e.Event)
	buf = appendTime(buf, e.Due)
	buf = appendTime(buf, e.QueuedAt)
	buf = appendInt(buf, int64(e.Tries))
	buf = appendInt(buf, int64(e.Requeued))
	buf = appendInt(buf, int64(e.QueuedTries))
	buf = appendInt(buf, int64(e.Crashes))
	buf = appendString(buf, e.Progress)
	buf = binary.AppendUvarint(buf, uint64(len(e.Attempts)))
	for _, attempt := range e.Attempts {
		buf = appendAttempt(buf, attempt)
	}
	if flags&flagChain != 0 {
		buf = append(buf, e.chain.replayOf[:]...)
		buf = append(buf, e.chain.first[:]...)
		buf = append(buf, e.chain.newest[:]...)
	}
	if flags&flagFurther != 0 {
		buf = appendInt(buf, int64(e.further))
	}
	return buf
}

// stateBound is the most bytes that appendState writes beside the envelope.
func (e *event) stateBound() int64 {
	n := int64(512 + len(e.key) + len(e.Progress))
	for _, attempt := range e.Attempts {
		n += int64(64 + len(attempt.Error) + len(attempt.Detail))
	}
	return n
}

// decodeEvent reads an event's value, which it does not keep.
func decodeEvent(identity storage.Identity, id storage.ID, raw []byte) (*event, error) {
	d := decoder{raw: raw}
	if d.byte() != eventVersion {
		return nil, errCodec
	}
	e := &event{}
	e.ID, e.Integration = id, identity
	e.Status = d.status()
	e.sequence = d.uint()
	e.place = place{segment: d.uint(), offset: d.int(), length: d.int()}
	d.state(e)
	return e, d.err()
}

func (d *decoder) state(e *event) {
	flags := d.byte()
	e.claimed = flags&flagClaimed != 0
	e.damaged = flags&flagDamaged != 0
	e.born = d.int()
	e.since = d.int()
	e.key = d.string()
	d.envelope(&e.Event)
	e.Due = d.time()
	e.QueuedAt = d.time()
	e.Tries = d.small()
	e.Requeued = d.small()
	e.QueuedTries = d.small()
	e.Crashes = d.small()
	if progress := d.bytes(); len(progress) > 0 {
		e.Progress = slices.Clone(progress)
	}
	if n := d.count(5); n > 0 {
		e.Attempts = make([]storage.Attempt, n)
		for i := range e.Attempts {
			e.Attempts[i] = d.attempt()
		}
	}
	if flags&flagChain != 0 {
		e.chain = chain{replayOf: d.id(), first: d.id(), newest: d.id()}
	}
	if flags&flagFurther != 0 {
		e.further = d.small()
	}
}

func appendRef(buf []byte, r storage.Ref) []byte {
	buf = appendTime(buf, r.Due)
	buf = appendInt(buf, r.Size)
	buf = appendString(buf, r.WebhookID)
	buf = appendString(buf, r.ResourceType)
	buf = appendString(buf, r.ResourceID)
	return appendString(buf, r.Project)
}

// decodeRef reads a ref. One of an earlier version ends after the resource's
// type: it is not whole.
func decodeRef(identity storage.Identity, id storage.ID, raw []byte) (r storage.Ref, whole bool, err error) {
	d := decoder{raw: raw}
	r = storage.Ref{ID: id, Integration: identity, Due: d.time(), Size: d.int(), WebhookID: d.string(), ResourceType: d.string()}
	if whole = len(d.raw) > 0; whole {
		r.ResourceID, r.Project = d.string(), d.string()
	}
	return r, whole, d.err()
}
