package gateway

import (
	"fmt"
	"sync"
)

// Pool holds what survives a reload: an engine for each open storage, by the storage's
// key. Caddy starts a new configuration before it stops the old one, and a storage
// cannot be open twice.
type Pool struct {
	observer Observer

	mu    sync.Mutex // guards what follows
	slots map[string]*slot
}

// slot is the place of one storage. It is removed once the storage is closed and
// nobody is waiting to open it again.
type slot struct {
	sync.Mutex         // held while the storage is being opened or closed
	waiting    int     // those who hold that lock or wait for it; guarded by the pool's
	holders    int     // of the engine
	engine     *engine // nil while the storage is not open; written under both locks
}

// NewPool returns an empty pool. The observer is told what the engines do.
func NewPool(observer Observer) *Pool {
	return &Pool{observer: observer, slots: make(map[string]*slot)}
}

// enter returns the locked slot of a key.
func (p *Pool) enter(key string) *slot {
	p.mu.Lock()
	s := p.slots[key]
	if s == nil {
		s = new(slot)
		p.slots[key] = s
	}
	s.waiting++
	p.mu.Unlock()
	s.Lock()
	return s
}

func (p *Pool) leave(key string, s *slot) {
	s.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	if s.waiting--; s.waiting == 0 && s.engine == nil {
		delete(p.slots, key)
	}
}

// set makes the slot's engine visible, or removes it if e is nil.
func (p *Pool) set(s *slot, e *engine) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s.engine = e
}

// acquire opens the storage, or shares its engine if it is open already. The caller
// must release the engine.
func (p *Pool) acquire(settings *Settings) (*engine, error) {
	key := settings.Storage.Key()
	s := p.enter(key)
	defer p.leave(key, s)
	switch {
	case s.engine == nil:
		e, err := open(settings, p.observer)
		if err != nil {
			return nil, fmt.Errorf("opening the storage: %w", err)
		}
		p.set(s, e)
	case s.engine.options != settings.Storage.Options():
		return nil, fmt.Errorf("the storage %s is open with other settings: stop the server to change them", key)
	}
	s.holders++
	return s.engine, nil
}

// release undoes acquire. The last one to release the engine closes the storage;
// opening it again waits until then.
func (p *Pool) release(e *engine) error {
	s := p.enter(e.key)
	defer p.leave(e.key, s)
	if s.holders--; s.holders > 0 {
		return nil
	}
	p.set(s, nil)
	return e.close()
}

// engines returns the engines of all open storages.
func (p *Pool) engines() []*engine {
	p.mu.Lock()
	defer p.mu.Unlock()
	var open []*engine
	for _, s := range p.slots {
		if s.engine != nil {
			open = append(open, s.engine)
		}
	}
	return open
}
