package index

import (
	"container/list"
	"sync"
	"sync/atomic"
)

const (
	// cacheSize bounds in bytes the blocks that an index keeps for lookups.
	cacheSize = 8 << 20
	// maxCached bounds in bytes a block that is kept.
	maxCached = 64 << 10
	// missWindow is how many misses of other blocks may come between the two that a
	// block needs to be kept. Keys that are looked up once leave the cache alone.
	missWindow = 2 * cacheSize / blockSize
	// missBurst is how many misses must follow before a hit proves that a block is
	// wanted again. Earlier hits come from whoever looks up neighbouring keys one by
	// one, and will not come back.
	missBurst = 64
)

// cache keeps opened blocks for lookups, up to cacheSize. A block is kept from its
// second miss on, at the end of a queue. One that is wanted again by the time it is in
// front goes back to the end; any other is dropped. Listings and merges read past the
// cache.
type cache struct {
	misses atomic.Uint32 // so far; may wrap around
	idle   sync.Pool     // of buffers that are not kept

	mu    sync.Mutex // guards what follows
	queue list.List  // of the buffers that are kept; the next to go is in front
	size  int        // of them, in bytes
}

// slot is what the cache knows of one block of a run.
type slot struct {
	kept   atomic.Pointer[buffer]
	missed atomic.Uint32 // cache.misses at the last miss
}

// buffer has an opened block. One that is kept is not written to again.
type buffer struct {
	plain []byte

	slot  *slot         // nil for one that is not kept
	place *list.Element // in the queue; guarded by cache.mu
	since uint32        // cache.misses when it was kept
	again atomic.Bool   // it was wanted since it came to the end of the queue
}

// get returns a block of a run, which is given back with put.
func (c *cache) get(r *run, number int) (*buffer, error) {
	s := &r.slots[number]
	if b := s.kept.Load(); b != nil {
		if !b.again.Load() && c.misses.Load()-b.since > missBurst {
			b.again.Store(true)
		}
		return b, nil
	}
	now := c.misses.Add(1)
	before := s.missed.Swap(now)
	keep := before != 0 && now-before <= missWindow && r.blocks[number].length <= maxCached
	b := &buffer{}
	if !keep {
		if idle, ok := c.idle.Get().(*buffer); ok {
			b = idle
		}
	}
	var err error
	if b.plain, err = r.open(b.plain, number); err != nil {
		return nil, err
	}
	if keep {
		c.keep(b, s)
	}
	return b, nil
}

// put gives back what get returned.
func (c *cache) put(b *buffer) {
	if b.slot == nil && cap(b.plain) <= maxCached {
		c.idle.Put(b)
	}
}

func (c *cache) keep(b *buffer, s *slot) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.kept.Load() != nil {
		return // somebody else was faster
	}
	b.slot, b.since, b.place = s, c.misses.Load(), c.queue.PushBack(b)
	c.size += cap(b.plain)
	s.kept.Store(b)
	for c.size > cacheSize {
		first := c.queue.Front()
		if oldest := first.Value.(*buffer); !oldest.again.Swap(false) {
			c.drop(oldest)
		} else {
			c.queue.MoveToBack(first)
		}
	}
}

// forget drops the blocks of a run that nobody reads any more.
func (c *cache) forget(r *run) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range r.slots {
		if b := r.slots[i].kept.Load(); b != nil {
			c.drop(b)
		}
	}
}

// drop takes a buffer out. Who holds it may go on reading.
func (c *cache) drop(b *buffer) {
	b.slot.kept.Store(nil)
	c.queue.Remove(b.place)
	c.size -= cap(b.plain)
}
