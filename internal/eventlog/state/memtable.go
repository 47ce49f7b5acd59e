package state

import (
	"github.com/hookgate/hookgate/module/storage"
)

// Memtable is what the log holds and the index does not hold yet, as final
// states: an event that is accepted and delivered soon costs the index one
// write.
type Memtable struct {
	Events  map[storage.Identity]map[storage.ID]Change
	Entries map[DedupeKey]DedupeEntry
	Dropped map[storage.Identity]struct{}
	Count   int // of events
	// Doubted is set when the index may have parts of it already: a crash came
	// while it was written, or there was too little space.
	Doubted bool
}

// Change is an event and what the index has of it, or will have once the
// memtable before this one is written: nil if nothing.
type Change struct {
	Now, Indexed *Event
}

// there returns the change, unless the event was purged.
func (c Change) there() (Change, error) {
	if c.Now.Purged {
		return Change{}, storage.ErrNotFound
	}
	return c, nil
}

// NewMemtable returns an empty one.
func NewMemtable() *Memtable {
	return &Memtable{
		Events:  make(map[storage.Identity]map[storage.ID]Change),
		Entries: make(map[DedupeKey]DedupeEntry),
		Dropped: make(map[storage.Identity]struct{}),
	}
}

// Get returns the event, or nil. A nil memtable has none.
func (m *Memtable) Get(identity storage.Identity, id storage.ID) *Event {
	if m == nil {
		return nil
	}
	return m.Events[identity][id].Now
}

// Put keeps the event. indexed counts when the memtable has none of it yet. It
// returns the event that was there before, for all to see.
func (m *Memtable) Put(now, indexed *Event) (before *Event) {
	of := m.Events[now.Integration]
	if of == nil {
		of = make(map[storage.ID]Change)
		m.Events[now.Integration] = of
	}
	before = indexed
	if present, ok := of[now.ID]; ok {
		before, indexed = present.Now, present.Indexed
	} else {
		m.Count++
	}
	of[now.ID] = Change{Now: now, Indexed: indexed}
	return before
}

// Entry returns what a dedupe key leads to. A nil memtable has none.
func (m *Memtable) Entry(key DedupeKey) (DedupeEntry, bool) {
	if m == nil {
		return DedupeEntry{}, false
	}
	entry, ok := m.Entries[key]
	return entry, ok
}

// Drop forgets the events of an integration and keeps that it is dropped.
func (m *Memtable) Drop(identity storage.Identity) {
	m.Count -= len(m.Events[identity])
	delete(m.Events, identity)
	m.Dropped[identity] = struct{}{}
}

// Empty reports whether there is nothing in it.
func (m *Memtable) Empty() bool { return m.Count == 0 && len(m.Entries) == 0 && len(m.Dropped) == 0 }

// Clear takes everything out.
func (m *Memtable) Clear() {
	clear(m.Events)
	clear(m.Entries)
	clear(m.Dropped)
	m.Count = 0
}
