package state

import (
	"github.com/hookgate/hookgate/module/storage"
)

// Step is what a command is decided upon: the log as all commands before it leave
// it.
type Step struct {
	Now    int64 // by the log's clock
	Limits *storage.Limits
	Staged *Memtable // what the commands of the group under way do
	Base   Base
}

// Base is the log as it was before the group under way.
type Base interface {
	// Find returns an event, also one that was purged, or storage.ErrNotFound.
	Find(identity storage.Identity, id storage.ID, known *Known) (Change, error)
	// Entry returns what a dedupe key leads to. The zero value means none, and hides an
	// older entry of the index.
	Entry(key DedupeKey, known *Known) (entry DedupeEntry, err error)
	// IsDropped reports whether the integration is dropped.
	IsDropped(identity storage.Identity) bool
	// PendingOf counts an integration's pending events.
	PendingOf(identity storage.Identity) int
	// Admit makes room for n new events of so many bytes, and returns the first of
	// n consecutive IDs for them. It refuses what a limit or the disk forbids.
	Admit(e *storage.Event, n int, bytes int64) (storage.ID, error)
}

// Known is what a caller read from the index before it queued a command: it spares
// the writer the disk. It holds for one generation of the index.
type Known struct {
	Generation uint64
	Event      *Event
	Entry      DedupeEntry
}

// find returns an event as the group leaves it.
func (s *Step) find(identity storage.Identity, id storage.ID, known *Known) (Change, error) {
	found, ok := s.Staged.Events[identity][id]
	if !ok {
		var err error
		if found, err = s.Base.Find(identity, id, known); err != nil {
			return Change{}, err
		}
	}
	return found.there()
}

// entry returns a dedupe entry as the group leaves it.
func (s *Step) entry(key DedupeKey, known *Known) (entry DedupeEntry, found bool, err error) {
	entry, ok := s.Staged.Entries[key]
	if !ok {
		entry, err = s.Base.Entry(key, known)
	}
	return entry, err == nil && entry != DedupeEntry{}, err
}

// chain returns the ends of an event's chain as the group leaves them.
func (s *Step) chain(of Change, known *Known) (first, newest Change, err error) {
	return Ends(of, func(id storage.ID) (Change, error) { return s.find(of.Now.Integration, id, known) })
}

// further returns the n-th of the events that were accepted at once, from 0, and
// the newest of its chain.
func (s *Step) further(first Change, n int, known *Known) (event, newest Change, err error) {
	event = first
	if n > 0 {
		if event, err = s.find(first.Now.Integration, Forward(first.Now.ID, uint64(n)), known); err != nil {
			return event, newest, err
		}
	}
	_, newest, err = s.chain(event, known)
	return event, newest, err
}

func (s *Step) isDropped(identity storage.Identity) bool {
	_, ok := s.Staged.Dropped[identity]
	return ok || s.Base.IsDropped(identity)
}

// hasPending reports whether the integration has a pending event, before the
// group or by it.
func (s *Step) hasPending(identity storage.Identity) bool {
	for _, c := range s.Staged.Events[identity] {
		if c.Now.Status == storage.Pending {
			return true
		}
	}
	return s.Base.PendingOf(identity) > 0
}
