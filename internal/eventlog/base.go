package eventlog

import (
	"fmt"

	"github.com/hookgate/hookgate/internal/eventlog/retention"
	"github.com/hookgate/hookgate/internal/eventlog/state"
	"github.com/hookgate/hookgate/module/storage"
)

// errFull is the answer below the floor of free space.
var errFull = fmt.Errorf("%w: the disk has too little free space", storage.ErrUnavailable)

// base is the log as the group under way finds it: a state.Base. Only the writer
// and recovery use it.
type base struct {
	log   *Log
	ids   ids
	taken retention.Taken // by the group under way
}

// Find implements state.Base. What the caller read from the index counts only if
// the index has not moved on since.
func (b *base) Find(identity storage.Identity, id storage.ID, known *state.Known) (state.Change, error) {
	l := b.log
	l.mu.Lock()
	of, ok := l.active.Events[identity][id]
	if !ok {
		if flushing := l.flushing.Get(identity, id); flushing != nil {
			of, ok = state.Change{Now: flushing, Indexed: flushing}, true
		}
	}
	generation := l.generation
	l.mu.Unlock()
	if ok {
		return of, nil
	}
	if e := known.Event; e != nil && known.Generation == generation && e.ID == id {
		return state.Change{Now: e, Indexed: e}, nil
	}
	e, err := l.indexed(identity, id)
	return state.Change{Now: e, Indexed: e}, err
}

// Entry implements state.Base.
func (b *base) Entry(key state.DedupeKey, known *state.Known) (state.DedupeEntry, error) {
	l := b.log
	l.mu.Lock()
	entry, ok := l.active.Entry(key)
	if !ok {
		entry, ok = l.flushing.Entry(key)
	}
	generation := l.generation
	l.mu.Unlock()
	switch {
	case ok:
		return entry, nil
	case known.Generation == generation:
		return known.Entry, nil
	}
	return l.indexedEntry(key)
}

// IsDropped implements state.Base.
func (b *base) IsDropped(identity storage.Identity) bool { return b.log.isDropped(identity) }

// PendingOf implements state.Base.
func (b *base) PendingOf(identity storage.Identity) int { return b.log.PendingOf(identity) }

// Admit implements state.Base.
func (b *base) Admit(e *storage.Event, n int, bytes int64) (storage.ID, error) {
	if b.log.space.low() {
		return storage.ID{}, errFull
	}
	if err := b.takeRoom(e, n, bytes); err != nil {
		return storage.ID{}, err
	}
	id := b.ids.next(b.log.now())
	b.ids.saw(state.Forward(id, uint64(n-1)))
	return id, nil
}
