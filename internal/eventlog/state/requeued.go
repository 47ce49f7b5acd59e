package state

import (
	"time"

	"github.com/hookgate/hookgate/internal/wire"
	"github.com/hookgate/hookgate/module/storage"
)

// Requeued queues failed events again.
type Requeued struct {
	durable
	Subject
	Rest []storage.ID // the events beside the first
	Age  int64
	At   time.Time
}

// Kind implements Record.
func (*Requeued) Kind() byte { return kindRequeued }

// Append implements Record.
func (r *Requeued) Append(buf []byte) []byte {
	buf = r.append(buf)
	buf = wire.AppendInt(buf, r.Age)
	buf = wire.AppendTime(buf, r.At)
	buf = wire.AppendUint(buf, uint64(len(r.Rest)))
	for _, id := range r.Rest {
		buf = append(buf, id[:]...)
	}
	return buf
}

// Bound implements Record.
func (r *Requeued) Bound() int64 { return smallBound + int64(len(r.Rest)*len(storage.ID{})) }

func (d *decoder) requeued(of Subject, several bool) *Requeued {
	r := &Requeued{Subject: of, Age: d.Int(), At: d.Time()}
	if several {
		if n := d.Count(len(storage.ID{})); n > 0 {
			r.Rest = make([]storage.ID, n)
		}
		for i := range r.Rest {
			r.Rest[i] = d.ID()
		}
	}
	return r
}

func (*Requeued) allows(e *Event) bool { return e.Status == storage.Failed }

func (r *Requeued) change(e *Event) {
	e.QueuedTries = e.Tries
	e.Status = storage.Pending
	e.Requeued++
	e.QueuedAt = r.At
	e.Due = r.At
	e.Crashes = 0
	e.Progress = nil
	e.Since = r.Age
}

func (r *Requeued) apply(d *Decision, to *Memtable, sequence uint64, _ Place) *Event {
	return applyTransition(r, d, to, sequence)
}

func (r *Requeued) recover(rec *Recovery, sequence uint64, _ Place) error {
	err := rec.transit(r, r.Subject, sequence)
	for _, id := range r.Rest {
		if err == nil {
			err = rec.transit(r, Subject{r.Of, id}, sequence)
		}
	}
	return err
}
