package state

import (
	"slices"

	"github.com/hookgate/hookgate/module/storage"
)

// Event is what is known of one event without reading its record: everything but header
// and body. A published Event is immutable; each change makes a new one.
type Event struct {
	storage.Event // without Header and Body
	storage.State

	Place    Place
	Key      string // of the dedupe entry; "" has none
	Further  int    // events that were accepted with it, under the IDs behind its own
	Chain    Chain
	Claimed  bool
	Damaged  bool   // its header and body are lost
	Purged   bool   // the index may have it still
	Born     int64  // when it was accepted, by the log's clock
	Since    int64  // when it was accepted, settled or queued again, by the same
	Sequence uint64 // of the last record in it
}

// Chain is what an event knows of its replay chain.
type Chain struct {
	ReplayOf storage.ID // zero for a sender's own event
	First    storage.ID // zero in the first event itself
	Newest   storage.ID // in the first event alone; zero when it was never replayed
}

// Place is where the record stands that began the event, or relocated it later.
type Place struct {
	Segment uint64
	Offset  int64
	Length  int64
}

// newEvent is a new event at a place of the log.
func newEvent(e *storage.Event, sequence uint64, at Place, age int64) *Event {
	next := &Event{Event: *e, Place: at, Sequence: sequence, Born: age, Since: age}
	next.Header, next.Body, next.Revision = nil, nil, 0
	next.Status = storage.Pending
	next.Due = e.ReceivedAt
	next.QueuedAt = e.ReceivedAt
	return next
}

// moved is the event after its record was relocated.
func (e *Event) moved(sequence uint64, at Place) *Event {
	next := new(Event)
	*next = *e
	next.Sequence, next.Place = sequence, at
	return next
}

// led is the first event of a chain after another became the newest.
func (e *Event) led(newest storage.ID, sequence uint64) *Event {
	next := new(Event)
	*next = *e
	next.Sequence, next.Chain.Newest = sequence, newest
	return next
}

// Crashed is the event after the process died with its claim.
func (e *Event) Crashed() *Event {
	next := new(Event)
	*next = *e
	next.Claimed = false
	next.Crashes++
	return next
}

// Record is the event as a listing shows it. The attempts are the caller's own.
func (e *Event) Record() storage.Record {
	r := storage.Record{Event: e.Event, State: e.State, ReplayOf: e.Chain.ReplayOf, Newest: e.ID}
	r.Attempts = slices.Clone(e.Attempts)
	r.Progress = slices.Clone(e.Progress)
	return r
}

// Ref is the event as a schedule holds it.
func (e *Event) Ref() storage.Ref {
	return storage.Ref{
		ID: e.ID, Integration: e.Integration, WebhookID: e.WebhookID, Project: e.Project,
		ResourceType: e.ResourceType, ResourceID: e.ResourceID, Due: e.Due, Size: e.Place.Length,
	}
}

// Size is about how many bytes the event takes in memory.
func (e *Event) Size() int64 { return EnvelopeSize(&e.Event) + e.stateBound() }
