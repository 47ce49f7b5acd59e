package state

import (
	"slices"

	"github.com/hookgate/hookgate/internal/wire"
	"github.com/hookgate/hookgate/module/storage"
)

// eventVersion begins an event's value in the index.
const eventVersion = 3

// StatusAt is where in that value the code of the status stands.
const StatusAt = 1

// Flags of an event's state.
const (
	flagClaimed = 1 << iota
	flagDamaged
	flagChain   // its chain follows the attempts
	flagFurther // how many were accepted with it ends the state
)

// minState is the fewest bytes of an event that is relocated beside another.
const minState = 32

// Append writes the event's value in the index.
func (e *Event) Append(buf []byte) []byte {
	buf = append(buf, eventVersion, StatusCode(e.Status))
	buf = wire.AppendUint(buf, e.Sequence)
	buf = wire.AppendUint(buf, e.Place.Segment)
	buf = wire.AppendInt(buf, e.Place.Offset)
	buf = wire.AppendInt(buf, e.Place.Length)
	return e.appendState(buf)
}

// DecodeEvent reads an event's value, which it does not keep.
func DecodeEvent(identity storage.Identity, id storage.ID, raw []byte) (*Event, error) {
	d := decoder{wire.Decoder{Raw: raw}}
	if d.Byte() != eventVersion {
		return nil, wire.ErrMalformed
	}
	e := &Event{}
	e.ID, e.Integration = id, identity
	e.Status = d.status()
	e.Sequence = d.Uint()
	e.Place = Place{Segment: d.Uint(), Offset: d.Int(), Length: d.Int()}
	d.state(e)
	return e, d.Err()
}

// appendState writes what is known of the event, but its ID, identity and status.
func (e *Event) appendState(buf []byte) []byte {
	flags := byte(0)
	if e.Claimed {
		flags |= flagClaimed
	}
	if e.Damaged {
		flags |= flagDamaged
	}
	if e.Chain != (Chain{}) {
		flags |= flagChain
	}
	if e.Further > 0 {
		flags |= flagFurther
	}
	buf = append(buf, flags)
	buf = wire.AppendInt(buf, e.Born)
	buf = wire.AppendInt(buf, e.Since)
	buf = wire.AppendString(buf, e.Key)
	buf = appendEnvelope(buf, &e.Event)
	buf = wire.AppendTime(buf, e.Due)
	buf = wire.AppendTime(buf, e.QueuedAt)
	buf = wire.AppendInt(buf, int64(e.Tries))
	buf = wire.AppendInt(buf, int64(e.Requeued))
	buf = wire.AppendInt(buf, int64(e.QueuedTries))
	buf = wire.AppendInt(buf, int64(e.Crashes))
	buf = wire.AppendString(buf, e.Progress)
	buf = wire.AppendUint(buf, uint64(len(e.Attempts)))
	for _, attempt := range e.Attempts {
		buf = appendAttempt(buf, attempt)
	}
	if flags&flagChain != 0 {
		buf = append(buf, e.Chain.ReplayOf[:]...)
		buf = append(buf, e.Chain.First[:]...)
		buf = append(buf, e.Chain.Newest[:]...)
	}
	if flags&flagFurther != 0 {
		buf = wire.AppendInt(buf, int64(e.Further))
	}
	return buf
}

// stateBound is the most bytes that appendState writes beside the envelope.
func (e *Event) stateBound() int64 {
	n := int64(512 + len(e.Key) + len(e.Progress))
	for _, attempt := range e.Attempts {
		n += int64(64 + len(attempt.Error) + len(attempt.Detail))
	}
	return n
}

func (d *decoder) state(e *Event) {
	flags := d.Byte()
	e.Claimed = flags&flagClaimed != 0
	e.Damaged = flags&flagDamaged != 0
	e.Born = d.Int()
	e.Since = d.Int()
	e.Key = d.String()
	d.envelope(&e.Event)
	e.Due = d.Time()
	e.QueuedAt = d.Time()
	e.Tries = d.Small()
	e.Requeued = d.Small()
	e.QueuedTries = d.Small()
	e.Crashes = d.Small()
	if progress := d.Bytes(); len(progress) > 0 {
		e.Progress = slices.Clone(progress)
	}
	if n := d.Count(5); n > 0 {
		e.Attempts = make([]storage.Attempt, n)
		for i := range e.Attempts {
			e.Attempts[i] = d.attempt()
		}
	}
	if flags&flagChain != 0 {
		e.Chain = Chain{ReplayOf: d.ID(), First: d.ID(), Newest: d.ID()}
	}
	if flags&flagFurther != 0 {
		e.Further = d.Small()
	}
}
