package eventlog

import (
	"errors"
	"sync"

	"go.uber.org/zap"

	"github.com/hookgate/hookgate/internal/eventlog/index"
	"github.com/hookgate/hookgate/internal/eventlog/state"
	"github.com/hookgate/hookgate/module/storage"
)

// watch tells one watcher of pending events, on a goroutine of its own: first
// of those that are there, then of each new one.
type watch struct {
	log  *Log
	fn   func(storage.Ref)
	wake chan struct{}
	quit chan struct{}
	done chan struct{}
	once sync.Once

	refs  []storage.Ref // new ones; guarded by the log's mutex
	spare []storage.Ref // room for the next ones
}

// Watch implements storage.Events. It returns at once; the watcher is called from
// one goroutine, also for an event that somebody holds, and must not call stop.
// Nothing is ever lost: the log has one process, whose session ends with it.
func (l *Log) Watch(watcher storage.Watcher) (stop func(), err error) {
	if err := l.enter(); err != nil {
		return nil, err
	}
	defer l.leave()
	w := &watch{log: l, fn: watcher.Pending, wake: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{})}
	l.mu.Lock()
	if l.watch != nil {
		l.mu.Unlock()
		return nil, errors.New("watching events: there is already a watcher")
	}
	l.watch = w
	// What is not in the index yet is taken here; from now on w.refs gets
	// the rest. The index is read later, when it can only have more.
	recent := make(map[storage.ID]*state.Event)
	for _, o := range []*state.Memtable{l.flushing, l.active} {
		if o == nil {
			continue
		}
		for _, of := range o.Events {
			for id, c := range of {
				recent[id] = c.Now
			}
		}
	}
	l.mu.Unlock()
	l.wait.Go(func() { w.run(recent) })
	return w.stop, nil
}

func (w *watch) stop() {
	w.once.Do(func() {
		close(w.quit)
		<-w.done
		w.log.mu.Lock()
		w.log.watch = nil
		w.log.mu.Unlock()
	})
	<-w.done
}

// signal is called with the log's mutex held.
func (w *watch) signal() {
	if len(w.refs) > 0 {
		select {
		case w.wake <- struct{}{}:
		default:
		}
	}
}

func (w *watch) run(recent map[storage.ID]*state.Event) {
	defer close(w.done)
	if err := w.start(recent); err != nil {
		w.log.Logger.Error("pending events cannot be listed; some are delayed until the next start", zap.Error(w.log.indexFault(err)))
	}
	for {
		select {
		case <-w.quit:
			return
		case <-w.wake:
			w.passNew()
		}
	}
}

// passNew passes on the events that are new.
func (w *watch) passNew() {
	w.log.mu.Lock()
	refs := w.refs
	w.refs = w.spare[:0]
	w.log.mu.Unlock()
	for _, ref := range refs {
		if w.quitting() {
			return
		}
		w.fn(ref)
	}
	clear(refs)
	w.spare = refs
}

// newEvery is after how many of the events that are there already the new ones
// are looked for: a million of them must not hold up another integration's first.
const newEvery = 1024

// start passes on the events that are pending already.
func (w *watch) start(recent map[storage.ID]*state.Event) error {
	view := w.log.index.View()
	defer view.Close()
	passed := 0
	err := view.Ascend([]byte{pendingKey}, func(key, value []byte) (bool, error) {
		if passed++; passed%newEvery == 0 {
			w.passNew()
		}
		identity, id, err := parseIDKey(key)
		if err != nil {
			return false, err
		}
		if _, ok := recent[id]; ok || w.log.isDropped(identity) {
			return !w.quitting(), nil
		}
		ref, whole, err := decodeRef(identity, id, value)
		if err == nil && !whole {
			err = completeRef(view, &ref)
		}
		if err != nil {
			return false, err
		}
		w.fn(ref)
		return !w.quitting(), nil
	})
	for _, e := range recent {
		if e.Status == storage.Pending && !w.quitting() {
			w.fn(e.Ref())
		}
	}
	return err
}

// completeRef takes from the event what its ref lacks. A missing event is left for
// Claim to report.
func completeRef(view index.View, ref *storage.Ref) error {
	err := view.Get(idKey(eventKey, ref.Integration, ref.ID), func(value []byte) error {
		e, err := state.DecodeEvent(ref.Integration, ref.ID, value)
		if err == nil {
			ref.Project, ref.ResourceID = e.Project, e.ResourceID
		}
		return err
	})
	if errors.Is(err, index.ErrNotFound) {
		return nil
	}
	return err
}

func (w *watch) quitting() bool {
	select {
	case <-w.quit:
		return true
	default:
		return false
	}
}

func (l *Log) isDropped(identity storage.Identity) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, ok := l.dropped[identity]
	return ok
}
