package memory

import (
	"sync"
	"time"

	"github.com/hookgate/hookgate/module/storage"
)

// Handle is one process's part in a place.
type Handle struct {
	place *Place

	// What follows is guarded by the place's mutex.
	session *session
	closed  bool
	paused  *time.Timer // it ends the session; nil for who is not paused
	limits  storage.Limits
	bounds  storage.IntegrationLimits
	purged  map[storage.Status]uint64
	watch   *watch
	changes map[*follower]struct{}
	missed  []string // webhook IDs that others have written since it was paused

	telling sync.Mutex // held while followers are called
}

// Open returns another handle.
func (p *Place) Open() *Handle {
	h := &Handle{place: p, purged: make(map[storage.Status]uint64), changes: make(map[*follower]struct{})}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.begin(h)
	return h
}

// Pause cuts the handle off, as if its process were stopped: it gives no sign of life
// and is told nothing. Calls go on as those of a process that does not know.
func (h *Handle) Pause() {
	p := h.place
	p.mu.Lock()
	defer p.mu.Unlock()
	if h.closed || h.paused != nil {
		return
	}
	s := h.session
	h.paused = time.AfterFunc(p.session, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if h.session == s && h.paused != nil {
			p.end(s, false)
		}
	})
}

// Resume undoes Pause. A session that was lost meanwhile is told to be, and another
// one begins.
func (h *Handle) Resume() {
	p := h.place
	p.mu.Lock()
	defer p.mu.Unlock()
	if h.closed || h.paused == nil {
		return
	}
	h.paused.Stop()
	h.paused = nil
	missed := h.missed
	h.missed = nil
	if h.session.lost {
		h.watch.lose()
		p.begin(h)
	}
	go h.follow(missed)
}

// enter begins a call with the place's mutex, which leave gives back.
func (h *Handle) enter() error {
	h.place.mu.Lock()
	if h.closed {
		h.place.mu.Unlock()
		return storage.ErrUnavailable
	}
	h.purge(time.Now())
	return nil
}

func (h *Handle) leave() { h.place.mu.Unlock() }

// Integrations implements storage.Backend.
func (h *Handle) Integrations() storage.Integrations { return (*Integrations)(h) }

// Events implements storage.Backend.
func (h *Handle) Events() storage.Events { return (*Events)(h) }

// Health implements storage.Backend.
func (h *Handle) Health() storage.Health {
	if h.enter() != nil {
		return storage.Health{State: "closed"}
	}
	defer h.leave()
	if h.session.lost {
		return storage.Health{State: "failed"}
	}
	return storage.Health{State: "ok"}
}

// Close implements storage.Backend.
func (h *Handle) Close() error {
	h.place.mu.Lock()
	if !h.closed {
		h.closed = true
		if h.paused != nil {
			h.paused.Stop()
		}
		h.place.end(h.session, true)
	}
	watching := h.watch
	h.place.mu.Unlock()
	watching.stop()
	return nil
}
