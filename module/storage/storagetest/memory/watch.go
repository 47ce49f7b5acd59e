package memory

import (
	"errors"
	"sync"

	"github.com/hookgate/hookgate/module/storage"
)

// watch tells a handle's watcher, on a goroutine of its own. The place's mutex guards
// what is to be told; a nil watch tells nobody.
type watch struct {
	handle  *Handle
	watcher storage.Watcher
	wake    chan struct{}
	quit    chan struct{}
	done    chan struct{}
	once    sync.Once

	lost bool // to be told before refs
	refs []storage.Ref
}

var errWatched = errors.New("there is a watcher already")

// Watch implements storage.Events.
func (e *Events) Watch(watcher storage.Watcher) (stop func(), err error) {
	h := (*Handle)(e)
	if err := h.enter(); err != nil {
		return nil, err
	}
	defer h.leave()
	if h.watch != nil {
		return nil, errWatched
	}
	w := &watch{handle: h, watcher: watcher, wake: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{})}
	h.watch = w
	for of := range h.place.all {
		if of.Status == storage.Pending && of.owner == h.session {
			w.tell(of.ref())
		}
	}
	go w.run()
	return w.stop, nil
}

func (w *watch) tell(ref storage.Ref) {
	if w == nil {
		return
	}
	w.refs = append(w.refs, ref)
	w.signal()
}

// lose has the watcher told that the session is lost, and not of what came before.
func (w *watch) lose() {
	if w == nil {
		return
	}
	w.lost, w.refs = true, nil
	w.signal()
}

func (w *watch) signal() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

func (w *watch) run() {
	defer close(w.done)
	for {
		select {
		case <-w.quit:
			return
		case <-w.wake:
		}
		w.handle.place.mu.Lock()
		lost, refs := w.lost, w.refs
		w.lost, w.refs = false, nil
		w.handle.place.mu.Unlock()
		if lost && w.watcher.Lost != nil {
			w.watcher.Lost()
		}
		for _, ref := range refs {
			select {
			case <-w.quit:
				return
			default:
				w.watcher.Pending(ref)
			}
		}
	}
}

func (w *watch) stop() {
	if w == nil {
		return
	}
	w.once.Do(func() {
		close(w.quit)
		<-w.done
		w.handle.place.mu.Lock()
		defer w.handle.place.mu.Unlock()
		w.handle.watch = nil
	})
	<-w.done
}
