package integration

import (
	"context"
	"hash/maphash"
	"sync"
	"sync/atomic"
)

// CacheLimit is how many integrations a cache holds unless told otherwise.
const CacheLimit = 10_000

// Cache keeps what is compiled from integrations by webhook ID. A hit takes no
// lock. Unknown webhook IDs are not kept, so asking for them costs no memory.
type Cache[T any] struct {
	load    func(ctx context.Context, webhookID string) (*Integration, error)
	compile func(*Integration) (T, error)
	limit   int

	entries sync.Map // webhook ID → *entry[T]

	// epochs count the invalidations of the webhook IDs that share a hash: what
	// was loaded before one is not kept after it.
	epochs [256]atomic.Uint64
	seed   maphash.Seed

	mu   sync.Mutex
	ring []*entry[T] // in the order in which the hand looks for one to drop
	hand int
	free []int // slots of the ring without an entry
}

type entry[T any] struct {
	webhookID string
	value     T
	slot      int
	used      atomic.Bool // since the hand passed
}

// NewCache returns an empty cache. load returns nil for a webhook ID that does
// not exist; compile makes what is kept. A limit of 0 is CacheLimit.
func NewCache[T any](load func(context.Context, string) (*Integration, error), compile func(*Integration) (T, error), limit int) *Cache[T] {
	if limit == 0 {
		limit = CacheLimit
	}
	return &Cache[T]{load: load, compile: compile, limit: limit, seed: maphash.MakeSeed()}
}

// Get returns what is compiled from the integration, the same value as long as
// it is unchanged and kept. found is false for an unknown webhook ID.
func (c *Cache[T]) Get(ctx context.Context, webhookID string) (value T, found bool, err error) {
	if kept, ok := c.entries.Load(webhookID); ok {
		e := kept.(*entry[T])
		if !e.used.Load() {
			e.used.Store(true)
		}
		return e.value, true, nil
	}
	epoch := c.epoch(webhookID).Load()
	in, err := c.load(ctx, webhookID)
	if err != nil || in == nil {
		return value, false, err
	}
	if value, err = c.compile(in); err != nil {
		return value, false, err
	}
	return c.keep(webhookID, value, epoch), true, nil
}

// Invalidate forgets a webhook ID. What Get returns to those who ask after it
// was loaded after it.
func (c *Cache[T]) Invalidate(webhookID string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.epoch(webhookID).Add(1)
	if kept, ok := c.entries.LoadAndDelete(webhookID); ok {
		slot := kept.(*entry[T]).slot
		c.ring[slot] = nil
		c.free = append(c.free, slot)
	}
}

// keep adds a value that was loaded at the epoch, and returns the one to use:
// two who load at once must see the same.
func (c *Cache[T]) keep(webhookID string, value T, epoch uint64) T {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.epoch(webhookID).Load() != epoch {
		return value
	}
	if kept, ok := c.entries.Load(webhookID); ok {
		return kept.(*entry[T]).value
	}
	e := &entry[T]{webhookID: webhookID, value: value, slot: c.slot()}
	c.ring[e.slot] = e
	c.entries.Store(webhookID, e)
	return value
}

// slot returns a free slot, dropping an entry that was not used of late when
// the cache is full.
func (c *Cache[T]) slot() int {
	if n := len(c.free); n > 0 {
		slot := c.free[n-1]
		c.free = c.free[:n-1]
		return slot
	}
	if len(c.ring) < c.limit {
		c.ring = append(c.ring, nil)
		return len(c.ring) - 1
	}
	for c.ring[c.hand].used.Swap(false) {
		c.hand = (c.hand + 1) % len(c.ring)
	}
	slot := c.hand
	c.hand = (c.hand + 1) % len(c.ring)
	c.entries.Delete(c.ring[slot].webhookID)
	return slot
}

func (c *Cache[T]) epoch(webhookID string) *atomic.Uint64 {
	return &c.epochs[maphash.String(c.seed, webhookID)%uint64(len(c.epochs))]
}
