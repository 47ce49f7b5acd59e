package eventlog

import (
	"github.com/hookgate/hookgate/internal/eventlog/state"
	"github.com/hookgate/hookgate/module/storage"
)

// publish makes what a group did visible.
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
