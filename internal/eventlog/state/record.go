package state

import (
	"github.com/hookgate/hookgate/internal/wire"
	"github.com/hookgate/hookgate/module/storage"
)

// The kinds of records, as they are stored. One record is about one event or
// about several that share an integration: it is in the log as a whole or not at
// all. The kinds of one alone are read and no longer written: one is a list of
// one.
const (
	kindAcceptedOne byte = iota + 1
	kindClaimed
	kindSaved
	kindFinished
	kindReleased
	kindRequeuedOne
	kindDropped
	kindClosed
	kindReplayed
	kindRelocatedOne
	kindPurged
	kindClocked
	kindRemoved
	kindAccepted
	kindRequeued
	kindRelocated
	kindAfter // the last
)

// Record is one thing that happened, as the log keeps it: to events, to all of
// an integration, or to the log itself.
type Record interface {
	Kind() byte
	// Append writes the record behind its kind.
	Append(buf []byte) []byte
	// Bound is the most bytes that Append writes.
	Bound() int64

	// Lazy reports whether nobody need wait for a sync: a process crash does not
	// undo the record, and a power cut only repeats an attempt, or a purge.
	Lazy() bool
	// Deferrable reports whether the record counts at once and may be written
	// later while the log cannot be written: at worst a crash before that repeats
	// an attempt.
	Deferrable() bool
	// Note reports whether the record is about the log alone.
	Note() bool

	// apply applies the record to the memtable in service, once it is decided on.
	apply(d *Decision, to *Memtable, sequence uint64, at Place) (after *Event)
	// recover does so when the record is found again at a start.
	recover(r *Recovery, sequence uint64, at Place) error
}

// Whole is a record that has whole events: reading one needs no other record.
type Whole interface {
	Record
	// Integration is whose events they are.
	Integration() storage.Identity
	// Count is how many events there are, and ID names the n-th, from 0.
	Count() int
	ID(n int) storage.ID
	// Event is the n-th event, or nil when it is damaged. They share header and
	// body.
	Event(n int) *storage.Event
}

// durable, lazy and deferrable say which promise a record makes.
type (
	durable    struct{}
	lazy       struct{ durable }
	deferrable struct{ lazy }
)

func (durable) Lazy() bool          { return false }
func (durable) Deferrable() bool    { return false }
func (durable) Note() bool          { return false }
func (lazy) Lazy() bool             { return true }
func (deferrable) Deferrable() bool { return true }

// Subject is what a record is about. Both are zero in one about the log, the ID
// also in one about all of an integration.
type Subject struct {
	Of storage.Identity
	ID storage.ID
}

func (s Subject) append(buf []byte) []byte {
	return append(append(buf, s.Of[:]...), s.ID[:]...)
}

// Decode reads a record. Header and body are left out unless they are wanted: an
// index needs neither. A body shares raw's bytes.
func Decode(kind byte, raw []byte, whole bool) (Record, error) {
	d := decoder{wire.Decoder{Raw: raw}}
	r := d.record(kind, Subject{Of: d.ID(), ID: d.ID()}, whole)
	if err := d.Err(); err != nil {
		return nil, err
	}
	return r, nil
}

func (d *decoder) record(kind byte, of Subject, whole bool) Record {
	switch kind {
	case kindAcceptedOne, kindAccepted:
		return d.accepted(of, kind == kindAccepted, whole)
	case kindReplayed:
		return d.replayed(of, whole)
	case kindRelocatedOne, kindRelocated:
		return d.relocated(of, kind == kindRelocated, whole)
	case kindRequeuedOne, kindRequeued:
		return d.requeued(of, kind == kindRequeued)
	case kindClaimed:
		return &Claimed{Subject: of}
	case kindSaved:
		return &Saved{Subject: of, Progress: append([]byte(nil), d.Rest()...)}
	case kindFinished:
		return &Finished{Subject: of, Age: d.Int(), Status: d.status(), Due: d.Time(), Attempt: d.attempt()}
	case kindReleased:
		return &Released{Subject: of, Due: d.Time()}
	case kindPurged:
		return &Purged{Subject: of, Age: d.Int(), Key: d.String()}
	case kindDropped:
		return &Dropped{Of: of.Of}
	case kindClosed:
		return &Closed{}
	case kindClocked:
		return &Clocked{Age: d.Int(), At: d.Time()}
	case kindRemoved:
		return &Removed{Segment: d.Uint(), Last: d.Uint()}
	}
	d.Fail()
	return nil
}

// smallBound is the most bytes that a record without texts takes.
const smallBound = 512
