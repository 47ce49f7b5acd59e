package integration

import (
	"context"
	"hash/maphash"
	"strings"
	"sync"
	"sync/atomic"
)

// CacheLimit is how many bytes of integrations a cache holds, about, unless told
// otherwise: some fifteen thousand of the usual size. With more, the garbage
// collector takes more time than the misses that they spare.
const CacheLimit = 24 << 20

// Cache keeps what is compiled from integrations by webhook ID. A hit takes no
// lock. Unknown webhook IDs are not kept, so asking for them costs no memory.
type Cache[T any] struct {
	load    func(ctx context.Context, webhookID string) (*Integration, error)
	compile func(*Integration) (T, error)
	limit   int // in bytes

	entries sync.Map // webhook ID → *entry[T]

	// epochs count the invalidations of the webhook IDs that share a hash: what
	// was loaded before one is not kept after it.
	epochs [256]atomic.Uint64
	seed   maphash.Seed

	mu     sync.Mutex
	ring   []*entry[T] // in the order in which the hand looks for one to drop
	hand   int
	free   []int // slots of the ring without an entry
	weight int   // of all entries, in bytes
}

type entry[T any] struct {
	webhookID string
	value     T
	slot      int
	weight    int         // in bytes
	used      atomic.Bool // since the hand passed
}

// NewCache returns an empty cache. load returns nil for a webhook ID that does
// not exist; compile makes what is kept. A limit of 0 bytes is CacheLimit.
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
	return c.keep(webhookID, value, in.weight(), epoch), true, nil
}

// Invalidate forgets a webhook ID. What Get returns to those who ask after it
// was loaded after it.
func (c *Cache[T]) Invalidate(webhookID string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.epoch(webhookID).Add(1)
	if kept, ok := c.entries.Load(webhookID); ok {
		c.drop(kept.(*entry[T]))
	}
}

// keep adds a value that was loaded at the epoch, and returns the one to use:
// two who load at once must see the same.
func (c *Cache[T]) keep(webhookID string, value T, weight int, epoch uint64) T {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.epoch(webhookID).Load() != epoch {
		return value
	}
	if kept, ok := c.entries.Load(webhookID); ok {
		return kept.(*entry[T]).value
	}
	c.makeRoom(weight)
	e := &entry[T]{webhookID: webhookID, value: value, slot: c.slot(), weight: weight}
	c.ring[e.slot] = e
	c.weight += weight
	c.entries.Store(webhookID, e)
	return value
}

// makeRoom drops entries that were not used of late until there is room for
// another one.
func (c *Cache[T]) makeRoom(weight int) {
	for c.weight > 0 && c.weight+weight > c.limit {
		if e := c.ring[c.hand]; e != nil && !e.used.Swap(false) {
			c.drop(e)
		}
		c.hand = (c.hand + 1) % len(c.ring)
	}
}

func (c *Cache[T]) drop(e *entry[T]) {
	c.entries.Delete(e.webhookID)
	c.ring[e.slot] = nil
	c.free = append(c.free, e.slot)
	c.weight -= e.weight
}

// slot returns a slot of the ring without an entry.
func (c *Cache[T]) slot() int {
	if n := len(c.free); n > 0 {
		slot := c.free[n-1]
		c.free = c.free[:n-1]
		return slot
	}
	c.ring = append(c.ring, nil)
	return len(c.ring) - 1
}

func (c *Cache[T]) epoch(webhookID string) *atomic.Uint64 {
	return &c.epochs[maphash.String(c.seed, webhookID)%uint64(len(c.epochs))]
}

// weight is about how many bytes of memory the integration takes, compiled and
// in a cache: what was measured, by its parts.
func (in *Integration) weight() int {
	const (
		each, eachSecret, eachEntry, eachByte = 768, 448, 64, 3

		eachExpressionByte, eachPattern = 80, 32 << 10
		eachShapeByte                   = 10
	)
	secrets := in.Authentication.Credentials.Secrets()
	entries, texts := in.Authentication.Credentials.Size()
	if in.Handshake != nil && in.Handshake.Learned != nil {
		secrets = append(secrets, in.Handshake.Learned.Secret)
	}
	texts += len(in.WebhookID) + len(in.Project) + len(in.Alias)
	for _, secret := range secrets {
		texts += secret.Size()
	}
	for _, entry := range in.EventFilter {
		texts += len(entry)
	}
	for _, resource := range in.Resources {
		texts += len(resource.Type) + len(resource.ID)
	}
	entries += len(in.EventFilter) + len(in.Resources)
	shape := 0
	for _, text := range specTexts(in.Payload) {
		shape += len(text)
	}
	return each + eachSecret*len(secrets) + eachEntry*entries + eachByte*texts +
		eachExpressionByte*len(in.Match) + eachPattern*strings.Count(in.Match, "matches") + eachShapeByte*shape
}
