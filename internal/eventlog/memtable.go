package eventlog

import (
	"github.com/hookgate/hookgate/module/storage"
)

// memtable is what the log pins and the index does not hold yet, as final
// states: an event that is accepted and delivered soon costs the index one
// write.
type memtable struct {
	events  map[storage.Identity]map[storage.ID]change
	copies  map[copyName]copyOf
	dropped map[storage.Identity]struct{}
	count   int // of events
	// doubted says that the index may have parts of it already: a crash came
	// while it was written, or too little space.
	doubted bool
}

// change is an event and what the index has of it, or will have once the
// memtable before this one is written: nil if nothing.
type change struct {
	now, base *event
}

// there returns the change, unless the event was purged.
func (c change) there() (change, error) {
	if c.now.gone {
		return change{}, storage.ErrNotFound
	}
	return c, nil
}

func newMemtable() *memtable {
	return &memtable{
		events:  make(map[storage.Identity]map[storage.ID]change),
		copies:  make(map[copyName]copyOf),
		dropped: make(map[storage.Identity]struct{}),
	}
}

func (o *memtable) get(identity storage.Identity, id storage.ID) *event {
	if o == nil {
		return nil
	}
	return o.events[identity][id].now
}

// put keeps the event. base counts when the memtable has none of it yet. It
// returns the event that was there before, for all to see.
func (o *memtable) put(now, base *event) (before *event) {
	of := o.events[now.Integration]
	if of == nil {
		of = make(map[storage.ID]change)
		o.events[now.Integration] = of
	}
	before = base
	if present, ok := of[now.ID]; ok {
		before, base = present.now, present.base
	} else {
		o.count++
	}
	of[now.ID] = change{now: now, base: base}
	return before
}

func (o *memtable) copyOf(name copyName) (copyOf, bool) {
	if o == nil {
		return copyOf{}, false
	}
	c, ok := o.copies[name]
	return c, ok
}

// drop forgets the events of an identity and keeps that it is dropped.
func (o *memtable) drop(identity storage.Identity) {
	o.count -= len(o.events[identity])
	delete(o.events, identity)
	o.dropped[identity] = struct{}{}
}

func (o *memtable) empty() bool { return o.count == 0 && len(o.copies) == 0 && len(o.dropped) == 0 }

func (o *memtable) clear() {
	clear(o.events)
	clear(o.copies)
	clear(o.dropped)
	o.count = 0
}
