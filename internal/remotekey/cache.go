package remotekey

import (
	"context"
	"sync"
	"time"
)

// How long a fetched value is valid.
const (
	minAge     = 5 * time.Minute
	defaultAge = time.Hour
	maxAge     = 24 * time.Hour

	// maxStale is how much longer it is valid while nothing newer can be fetched.
	maxStale = 24 * time.Hour
)

// Limits bound what a cache does on behalf of requests that may be forged.
type Limits struct {
	// Entries is how many values are cached; the least recently used is evicted
	// first.
	Entries int
	// Pace bounds the fetches that a group starts. Values that have verified
	// something have a separate pace in each group, which nothing else can use up.
	Pace Pace
	// Client bounds the fetches that one client's requests start within a group.
	// The zero Pace does not.
	Client Pace
}

// Pace is how often something may happen: Burst times at once, and then once
// per Pause.
type Pace struct {
	Burst int
	Pause time.Duration
}

// Source is a value to fetch.
type Source[T any] struct {
	// Key identifies the value.
	Key string
	// Group is what shares a limit.
	Group string
	// Client is who asks, if known.
	Client string
	// Label names the source in metrics and logs: an operator's word, or a
	// fixed one.
	Label string
	// Fetch returns the value and for how long it may be kept, or UnknownAge.
	Fetch func(ctx context.Context) (T, time.Duration, error)
}

// Cache caches fetched values. A value is fetched by a single goroutine,
// however many requests wait for it.
type Cache[T any] struct {
	limits  Limits
	observe func(label, code string)

	// fetching is canceled when the cache is closed, and running counts what is in
	// progress.
	fetching context.Context
	cancel   context.CancelFunc
	running  sync.WaitGroup

	mu      sync.Mutex
	entries map[string]*entry[T]
	groups  paces[string] // of values that have verified nothing yet
	proven  paces[string]
	clients paces[client]
	closed  bool
}

// client is a client that asks for values of a group.
type client struct{ group, address string }

// entry is a value, or one being fetched.
type entry[T any] struct {
	value  T
	known  bool
	failed bool // the last fetch failed
	proven bool // the value has verified something
	fresh  time.Time
	used   time.Time
	flight *flight[T] // nil while nothing is fetched
}

// flight is a fetch in progress. Its result is set once done is closed.
type flight[T any] struct {
	done  chan struct{}
	value T
	err   error
}

// NewCache returns an empty cache. observe is called for each fetch, with the
// source's label and the code of its failure, which is "" for a success.
func NewCache[T any](limits Limits, observe func(label, code string)) *Cache[T] {
	fetching, cancel := context.WithCancel(context.Background())
	return &Cache[T]{
		limits: limits, observe: observe, fetching: fetching, cancel: cancel,
		entries: make(map[string]*entry[T]),
		groups:  newPaces[string](limits.Pace), proven: newPaces[string](limits.Pace), clients: newPaces[client](limits.Client),
	}
}

// Close cancels the fetches in progress. The cache cannot be used afterwards.
func (c *Cache[T]) Close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.cancel()
	c.running.Wait()
}

// Behind runs something in the background, until the cache is closed.
func (c *Cache[T]) Behind(do func(ctx context.Context)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.running.Go(func() {
			ctx, cancel := context.WithTimeout(c.fetching, timeout)
			defer cancel()
			do(ctx)
		})
	}
}

// Get returns the value of a source. While it cannot be refreshed, a known
// value remains valid for a day; without one the error is ErrUnavailable.
func (c *Cache[T]) Get(ctx context.Context, source *Source[T]) (T, error) {
	return c.get(ctx, source, false)
}

// Renew is Get for a caller that has missed something in the value: it is
// fetched again, unless that has just been done. ErrUnavailable means that it
// could not be fetched, so that what was missed may exist.
func (c *Cache[T]) Renew(ctx context.Context, source *Source[T]) (T, error) {
	return c.get(ctx, source, true)
}

func (c *Cache[T]) get(ctx context.Context, source *Source[T], again bool) (none T, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return none, ErrUnavailable
	}
	now := time.Now()
	e := c.entries[source.Key]
	if e == nil {
		e = new(entry[T])
	}
	e.used = now
	if e.known && !again && now.Before(e.fresh) {
		return e.value, nil
	}
	if e.flight == nil && c.mayFetch(source, e, now) {
		e.flight = c.start(source, e) //nolint:contextcheck // it is for all who wait, and outlives any of them
		c.entries[source.Key] = e
	}
	usable := e.known && !again && now.Before(e.fresh.Add(maxStale))
	if usable && e.failed {
		return e.value, nil // another try is in progress, but nobody waits for it
	}
	if e.flight == nil {
		if usable || again && e.known && !e.failed {
			return e.value, nil
		}
		return none, ErrUnavailable
	}
	value, err := c.wait(ctx, e.flight)
	if err != nil && usable {
		return e.value, nil
	}
	return value, err
}

// wait waits for a fetch with the cache unlocked.
func (c *Cache[T]) wait(ctx context.Context, f *flight[T]) (none T, err error) {
	c.mu.Unlock()
	defer c.mu.Lock()
	select {
	case <-f.done:
	case <-ctx.Done():
		return none, ErrUnavailable
	}
	if f.err != nil {
		return none, ErrUnavailable
	}
	return f.value, nil
}

// start fetches a value for all that wait for it: none of them can cancel it.
func (c *Cache[T]) start(source *Source[T], e *entry[T]) *flight[T] {
	f := &flight[T]{done: make(chan struct{})}
	fetch, key, label := source.Fetch, source.Key, source.Label
	c.running.Go(func() {
		ctx, cancel := context.WithTimeout(c.fetching, timeout)
		defer cancel()
		value, age, err := fetch(ctx)
		if err != nil {
			c.observe(label, codeOf(err))
		} else {
			c.observe(label, "")
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		f.value, f.err = value, err
		close(f.done)
		e.flight, e.failed = nil, err != nil
		switch {
		case err == nil:
			e.value, e.known, e.fresh = value, true, time.Now().Add(bounded(age))
			c.evict(e)
		case !e.known:
			delete(c.entries, key)
		}
	})
	return f
}

func bounded(age time.Duration) time.Duration {
	if age == UnknownAge {
		return defaultAge
	}
	return min(max(age, minAge), maxAge)
}

// evict makes room for a new value. Values that have verified something outlast
// the others.
func (c *Cache[T]) evict(fresh *entry[T]) {
	for len(c.entries) > c.limits.Entries {
		var oldest *entry[T]
		name := ""
		for key, e := range c.entries {
			if e != fresh && e.flight == nil && (oldest == nil || e.goesBefore(oldest)) {
				name, oldest = key, e
			}
		}
		if oldest == nil {
			return
		}
		delete(c.entries, name)
	}
}

func (e *entry[T]) goesBefore(other *entry[T]) bool {
	if e.proven != other.proven {
		return other.proven
	}
	return e.used.Before(other.used)
}

// mayFetch reports whether a fetch may start now, and counts it.
func (c *Cache[T]) mayFetch(source *Source[T], e *entry[T], now time.Time) bool {
	if e.proven {
		return c.proven.take(source.Group, now)
	}
	who := client{source.Group, source.Client}
	bounded := c.limits.Client != Pace{}
	if !c.groups.left(source.Group, now) || bounded && !c.clients.take(who, now) {
		return false
	}
	return c.groups.take(source.Group, now)
}

// Prove records that the value of a source has verified something, and reports
// whether that is new.
func (c *Cache[T]) Prove(key string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.entries[key]
	if e == nil || !e.known || e.proven {
		return false
	}
	e.proven = true
	return true
}

// Restore inserts a value that was proven before. It is refreshed when it is
// needed, and is valid for a day while that fails.
func (c *Cache[T]) Restore(key string, value T) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if c.entries[key] == nil && len(c.entries) < c.limits.Entries {
		c.entries[key] = &entry[T]{value: value, known: true, proven: true, fresh: now, used: now}
	}
}
