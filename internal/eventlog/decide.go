package eventlog

import (
	"errors"
	"fmt"

	"github.com/hookgate/hookgate/internal/eventlog/index"
	"github.com/hookgate/hookgate/module/storage"
)

// verdict is what an op needs.
type verdict int

const (
	noop      verdict = iota // it is answered as it stands
	wait                     // it is answered with the group that it relies on
	write                    // it needs its record
	applyOnly                // it has an effect that needs none
)

// errFull is the answer below the floor of free space.
var errFull = fmt.Errorf("%w: the disk has too little free space", storage.ErrUnavailable)

// decide says what becomes of an op, and upon which event.
func (w *writer) decide(o *op) (change, verdict, error) {
	r := &o.record
	if w.isDropped(r.identity) {
		if r.kind == dropped {
			return change{}, noop, nil
		}
		return change{}, noop, storage.ErrNotFound
	}
	switch r.kind {
	case accepted, acceptedAll:
		return w.decideAppend(o)
	case replayed:
		return w.decideReplay(o)
	case dropped:
		if !o.force && w.pendingOf(r.identity) {
			return change{}, noop, storage.ErrPending
		}
		return change{}, write, nil
	case relocated:
		return w.decideRelocate(o)
	case relocatedAll:
		return w.decideRelocateAll(o)
	case purged:
		return w.decidePurge(o)
	case closed, clocked, removed:
		return change{}, write, nil
	}
	return w.decideChange(o)
}

// decideChange says whether something may happen to the events that the record
// is about.
func (w *writer) decideChange(o *op) (current change, needs verdict, err error) {
	o.rest = nil
	for n := range o.record.parts() {
		part := o.record.part(n)
		found, err := w.find(part.identity, part.id, &o.known)
		switch {
		case err != nil:
			return change{}, noop, err
		case !found.now.allows(part):
			return change{}, noop, storage.ErrNotPending
		case n == 0:
			current = found
		default:
			o.rest = append(o.rest, found)
		}
	}
	return current, write, nil
}

// decideAppend looks for an event that stands for the new one.
func (w *writer) decideAppend(o *op) (change, verdict, error) {
	r := &o.record
	if r.key != "" {
		first, found, err := w.findCopy(copyName{r.identity, r.key}, &o.known)
		if !found && err == nil && len(o.dedupe.Former) > 0 {
			first, found, err = w.findCopy(copyName{r.identity, string(o.dedupe.Former)}, &prefetched{})
		}
		if err != nil {
			return change{}, noop, err
		}
		if found && first.within(o.dedupe.Window.Milliseconds(), w.age) {
			if first.gone {
				return w.decideRemembered(o, first)
			}
			current, err := w.find(r.identity, first.id, &o.known)
			if err == nil {
				return w.decideCopy(o, current)
			}
			if !errors.Is(err, storage.ErrNotFound) {
				return change{}, noop, err
			}
		}
	}
	if err := w.begin(r); err != nil {
		return change{}, noop, err
	}
	o.outcome, o.stands = storage.Accepted, r.id
	return change{}, write, nil
}

// begin gives a new event its ID, if there is room for it and for those that are
// accepted with it. Their IDs follow, so that it leads to them.
func (w *writer) begin(r *record) error {
	if w.log.space.low() {
		return errFull
	}
	if err := w.takeRoom(r); err != nil {
		return err
	}
	r.id = w.ids.next(w.log.now())
	r.event.ID = r.id
	w.ids.saw(forward(r.id, uint64(len(r.further))))
	return nil
}

// decideCopy answers a duplicate of the first event of a chain: when the newest
// has failed, it is queued again. So are those of the events that were accepted
// with the first.
func (w *writer) decideCopy(o *op, first change) (change, verdict, error) {
	r := &o.record
	o.stands, o.outcome = first.now.ID, storage.Duplicate
	needs := noop
	var failed []change
	for n := range 1 + first.now.further {
		event, newest, err := w.findFurther(first, n, &o.known)
		switch {
		case errors.Is(err, storage.ErrNotFound): // it was purged
		case err != nil:
			return change{}, noop, err
		case newest.now.Status != storage.Failed || newest.now.Requeued >= o.dedupe.Requeues:
			if w.staged.get(r.identity, event.now.ID) != nil || w.staged.get(r.identity, newest.now.ID) != nil {
				needs = wait
			}
		default:
			failed = append(failed, newest)
		}
	}
	if len(failed) == 0 {
		return first, needs, nil
	}
	o.outcome, o.rest = storage.Requeued, failed[1:]
	o.record = record{kind: requeued, identity: r.identity, id: failed[0].now.ID, at: r.event.ReceivedAt, age: w.age}
	for _, other := range o.rest {
		o.record.kind, o.record.rest = requeuedAll, append(o.record.rest, other.now.ID)
	}
	return failed[0], write, nil
}

// findFurther returns the n-th of the events that were accepted at once, from 0,
// and the newest of its chain.
func (w *writer) findFurther(first change, n int, known *prefetched) (event, newest change, err error) {
	event = first
	if n > 0 {
		if event, err = w.find(first.now.Integration, forward(first.now.ID, uint64(n)), known); err != nil {
			return event, newest, err
		}
	}
	_, newest, err = w.findChain(event, known)
	return event, newest, err
}

// decideRemembered answers a duplicate of an event that was purged.
func (w *writer) decideRemembered(o *op, first copyOf) (change, verdict, error) {
	o.outcome, o.stands = storage.Duplicate, first.id
	if _, ok := w.staged.copies[copyName{o.record.identity, o.record.key}]; ok {
		return change{}, wait, nil
	}
	return change{}, noop, nil
}

// pendingOf says whether the integration has a pending event, before the group
// or by it.
func (w *writer) pendingOf(identity storage.Identity) bool {
	for _, c := range w.staged.events[identity] {
		if c.now.Status == storage.Pending {
			return true
		}
	}
	return w.log.PendingOf(identity) > 0
}

func (w *writer) isDropped(identity storage.Identity) bool {
	if _, ok := w.staged.dropped[identity]; ok {
		return true
	}
	w.log.mu.Lock()
	defer w.log.mu.Unlock()
	_, ok := w.log.dropped[identity]
	return ok
}

// find returns an event as the group leaves it. What the caller read from the
// index counts only if the index has not moved on since.
func (w *writer) find(identity storage.Identity, id storage.ID, known *prefetched) (change, error) {
	if of, ok := w.staged.events[identity][id]; ok {
		return of.there()
	}
	l := w.log
	l.mu.Lock()
	of, ok := l.active.events[identity][id]
	if !ok {
		if flushing := l.flushing.get(identity, id); flushing != nil {
			of, ok = change{now: flushing, base: flushing}, true
		}
	}
	generation := l.generation
	l.mu.Unlock()
	if ok {
		return of.there()
	}
	if e := known.event; e != nil && known.generation == generation && e.ID == id {
		return change{now: e, base: e}, nil
	}
	e, err := l.indexed(identity, id)
	return change{now: e, base: e}, err
}

func (w *writer) findCopy(name copyName, known *prefetched) (copyOf, bool, error) {
	if c, ok := w.staged.copies[name]; ok {
		return c, c != copyOf{}, nil
	}
	l := w.log
	l.mu.Lock()
	c, ok := l.active.copyOf(name)
	if !ok {
		c, ok = l.flushing.copyOf(name)
	}
	generation := l.generation
	l.mu.Unlock()
	if ok {
		return c, c != copyOf{}, nil
	}
	if known.generation == generation {
		return known.copy, known.copied, nil
	}
	return l.indexedCopy(name)
}

// indexed reads an event from the index.
func (l *Log) indexed(identity storage.Identity, id storage.ID) (e *event, err error) {
	view := l.index.View()
	defer view.Close()
	err = view.Get(idKey(eventKey, identity, id), func(value []byte) (err error) {
		e, err = decodeEvent(identity, id, value)
		return err
	})
	if errors.Is(err, index.ErrNotFound) {
		return nil, storage.ErrNotFound
	}
	return e, l.indexFault(err)
}

// indexedCopy reads a dedupe entry from the index.
func (l *Log) indexedCopy(name copyName) (c copyOf, found bool, err error) {
	if !l.copies.mayHold(name) {
		return copyOf{}, false, nil
	}
	view := l.index.View()
	defer view.Close()
	err = view.Get(dedupeKey(name), func(value []byte) (err error) {
		c, err = decodeCopyOf(value)
		return err
	})
	if errors.Is(err, index.ErrNotFound) {
		return copyOf{}, false, nil
	}
	return c, err == nil, l.indexFault(err)
}
