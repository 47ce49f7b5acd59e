package eventlog

import (
	"fmt"
	"path/filepath"

	"go.uber.org/zap"

	"github.com/hookgate/hookgate/internal/eventlog/state"
	"github.com/hookgate/hookgate/module/storage"
)

// publish shows everybody what a group did.
func (l *Log) publish(staged *state.Memtable) {
	if staged.Empty() {
		return
	}
	limits := l.limits.Load()
	l.mu.Lock()
	defer l.mu.Unlock()
	for identity, of := range staged.Events {
		for _, c := range of {
			l.publishEvent(c)
		}
		if l.tallies.Crowd(identity, limits) {
			l.compactor.Hurry()
		}
	}
	for name, c := range staged.Entries {
		l.active.Entries[name] = c
	}
	for identity := range staged.Dropped {
		l.active.Drop(identity)
		l.tallies.Drop(identity)
		l.dropped[identity] = struct{}{}
		for id, of := range l.claims {
			if of == identity {
				delete(l.claims, id)
			}
		}
	}
	if l.watch != nil {
		l.watch.signal()
	}
}

func (l *Log) publishEvent(c state.Change) {
	now := c.Now
	before := l.active.Put(now, c.Indexed)
	l.tallies.Move(before, now)
	if now.Claimed {
		l.claims[now.ID] = now.Integration
	} else {
		delete(l.claims, now.ID)
	}
	if l.watch != nil && now.Status == storage.Pending && (before == nil || before.Status != storage.Pending) {
		l.watch.refs = append(l.watch.refs, now.Ref())
	}
}

// freeze makes the active memtable the one to be flushed, unless one still
// is, or nothing has changed and that is not asked for.
func (l *Log) freeze(always bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.flushing != nil || l.active.Empty() && !always {
		return false
	}
	l.flushing, l.active = l.active, state.NewMemtable()
	return true
}

// flushed lets go of what is in the index now.
func (l *Log) flushed() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.flushing = nil
	l.generation++
	close(l.caughtUp)
	l.caughtUp = make(chan struct{})
}

// behind reports whether the index is too far behind, and what is closed once it
// has caught up.
func (l *Log) behind() (bool, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	count := l.active.Count
	if l.flushing != nil {
		count += l.flushing.Count
	}
	return count >= l.MaxBehind, l.caughtUp
}

// look returns an event as it stands, and for the writer what of it came from
// the index.
func (l *Log) look(identity storage.Identity, id storage.ID) (*state.Event, state.Known, error) {
	l.mu.Lock()
	generation := l.generation
	_, gone := l.dropped[identity]
	e := l.active.Get(identity, id)
	if e == nil {
		e = l.flushing.Get(identity, id)
	}
	l.mu.Unlock()
	switch {
	case gone, e != nil && e.Purged:
		return nil, state.Known{}, storage.ErrNotFound
	case e != nil:
		return e, state.Known{}, nil
	}
	e, err := l.indexed(identity, id)
	return e, state.Known{Generation: generation, Event: e}, err
}

// indexFault notes that the index cannot be read, so that the next start rebuilds
// it from the log.
func (l *Log) indexFault(err error) error {
	if err == nil {
		return nil
	}
	if !l.lost.Swap(true) {
		l.Logger.Error("the event index is damaged; the next start rebuilds it", zap.Error(err))
	}
	if markErr := l.distrustIndex(); markErr != nil {
		l.Logger.Warn("the event index cannot be marked as damaged", zap.Error(markErr))
	}
	return fmt.Errorf("%w: %w", storage.ErrUnavailable, err)
}

// rebuildMark is a file that says that the index is not to be trusted.
func (l *Log) rebuildMark() string { return filepath.Join(l.Dir, "rebuild") }
