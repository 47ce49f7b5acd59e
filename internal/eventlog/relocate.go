package eventlog

import (
	"errors"
	"time"

	"github.com/hookgate/hookgate/module/storage"
)

// policy says what may be purged.
type policy int

const (
	pastTime  policy = iota // what was kept for as long as it should be
	delivered               // that, and whatever was delivered
	settled                 // whatever is not pending
)

// covers says whether the event may be purged at a time of the log's clock.
func (p policy) covers(e *event, limits *storage.Limits, now int64) bool {
	var keep time.Duration
	switch e.Status {
	case storage.Delivered:
		if p >= delivered {
			return true
		}
		keep = limits.Delivered
	case storage.Failed:
		if p >= settled {
			return true
		}
		keep = limits.Failed
	default:
		return false
	}
	return keep > 0 && now-e.since >= keep.Milliseconds()
}

// mayGo says whether an event may be purged, as the group leaves it. The newest
// of its chain stands for all of it and must be one that may go, too; and so must
// be those that were accepted with it, for it leads their copies to them.
func (w *writer) mayGo(of change, p policy, known *prefetched) (bool, error) {
	limits := w.log.limits.Load()
	if !p.covers(of.now, limits, w.age) {
		return false, nil
	}
	if of.now.chain == (chain{}) && of.now.further == 0 {
		return true, nil
	}
	for n := range 1 + of.now.further {
		_, newest, err := w.findFurther(of, n, known)
		switch {
		case errors.Is(err, storage.ErrNotFound): // it has gone
		case err != nil || !p.covers(newest.now, limits, w.age):
			return false, err
		}
	}
	return true, nil
}

// decideRelocate has an event go to another place, whole and with its state, or
// purges it. An event that is not where it was found has been kept already.
func (w *writer) decideRelocate(o *op) (change, verdict, error) {
	r := &o.record
	current, err := w.find(r.identity, r.id, &o.known)
	if err != nil || current.now.place != o.from {
		return change{}, noop, err
	}
	goes, err := w.mayGo(current, o.policy, &o.known)
	if err != nil {
		return change{}, noop, err
	}
	if goes {
		o.record = record{kind: purged, identity: r.identity, id: r.id}
		return current, write, w.forget(o, current.now)
	}
	r.relocated = current.now
	if r.event == nil && !r.relocated.damaged {
		unreadable := *current.now
		unreadable.damaged = true
		r.relocated = &unreadable
	}
	return current, write, nil
}

// decideRelocateAll has events go to another place together, and purges none of them.
func (w *writer) decideRelocateAll(o *op) (first change, needs verdict, err error) {
	r := &o.record
	r.relocated, r.others, o.rest = nil, nil, nil
	for i := range o.sharing {
		current, err := w.find(r.identity, o.sharing[i].id, &o.sharing[i].known)
		switch {
		case errors.Is(err, storage.ErrNotFound): // it was purged
		case err != nil:
			return change{}, noop, err
		case current.now.place != o.from: // it has been kept already
		case r.relocated == nil:
			first, r.id, r.relocated = current, current.now.ID, current.now
		default:
			o.rest, r.others = append(o.rest, current), append(r.others, current.now)
		}
	}
	if r.relocated == nil {
		return change{}, noop, nil
	}
	return first, write, nil
}

// decidePurge purges an event, or goes on remembering one.
func (w *writer) decidePurge(o *op) (change, verdict, error) {
	r := &o.record
	if o.again {
		return w.decideRemember(o)
	}
	current, err := w.find(r.identity, r.id, &o.known)
	if err != nil {
		return change{}, noop, err
	}
	goes, err := w.mayGo(current, o.policy, &o.known)
	if err != nil || !goes {
		return change{}, noop, err
	}
	return current, write, w.forget(o, current.now)
}

// forget says what becomes of the dedupe key of an event that is purged: it is
// remembered for its copies, or the key is free.
func (w *writer) forget(o *op, e *event) error {
	o.record.key = ""
	if e.key == "" {
		return nil
	}
	name := copyName{e.Integration, e.key}
	first, found, err := w.findCopy(name, &o.known)
	if err != nil || !found || first.id != e.ID {
		return err
	}
	if !w.remembers(first) {
		o.entry = &entry{name: name}
		return nil
	}
	first.gone = true
	o.record.key, o.record.age = e.key, first.born
	o.entry = &entry{name: name, copyOf: first}
	return nil
}

// decideRemember writes once more that an event was purged, while it is
// remembered.
func (w *writer) decideRemember(o *op) (change, verdict, error) {
	name := copyName{o.record.identity, o.record.key}
	first, found, err := w.findCopy(name, &o.known)
	switch {
	case err != nil, !found, !first.gone, first.id != o.record.id:
		return change{}, noop, err
	case w.remembers(first):
		return change{}, write, nil
	}
	o.entry = &entry{name: name}
	return change{}, applyOnly, nil
}

func (w *writer) remembers(c copyOf) bool {
	remember := w.log.limits.Load().Remember
	return remember == 0 || c.within(remember.Milliseconds(), w.age)
}

// tick begins another segment when this one is old enough and has anything, and
// says whether the clock is to be noted.
func (w *writer) tick(o *op) bool {
	if w.file == nil {
		return false
	}
	if o.ripe > 0 && w.stirred && w.age-w.header.Age >= o.ripe {
		w.commit()
		w.rotate(0) // notes the clock
		return false
	}
	w.log.noted.Store(w.age)
	o.record.at = moment(w.log.clock.note().wall)
	return true
}
