package keys

import (
	"context"
	"sync"
	"time"
)

// How long a fetched value counts.
const (
	minAge     = 5 * time.Minute
	defaultAge = time.Hour
	maxAge     = 24 * time.Hour

	// maxStale is how much longer it counts while nothing newer can be
	// fetched.
	maxStale = 24 * time.Hour
)

// Limits bound what a cache does on behalf of requests that may be forged.
type Limits struct {
	// Entries is how many values are kept; the least recently used goes first.
	Entries int
	// Burst is how many fetches a group may start at once, and Pause how long
	// it takes until it may start one more.
	Burst int
	Pause time.Duration
}

// Source is a value to fetch.
type Source[T any] struct {
	// Key tells the value from others.
	Key string
	// Group is what shares its limit with others.
	Group string
	// Label names the source in metrics and logs: an operator's word, or a
	// fixed one.
	Label string
	// Fetch returns the value and for how long it may be kept, or UnknownAge.
	Fetch func(ctx context.Context) (T, time.Duration, error)
}

// Cache keeps fetched values. A value is fetched by one goroutine, however
// many requests wait for it.
type Cache[T any] struct {
	limits  Limits
	observe func(label, code string)

	// fetching ends with the cache, and running counts what is under way.
	fetching context.Context
	cancel   context.CancelFunc
	running  sync.WaitGroup

	mu      sync.Mutex
	entries map[string]*entry[T]
	paces   map[string]*pace
	closed  bool
}

// entry is a value, or what is about to be one.
type entry[T any] struct {
	value  T
	known  bool
	failed bool // the last fetch did
	fresh  time.Time
	used   time.Time
	flight *flight[T] // nil while nothing is fetched
}

// flight is a fetch that is under way. Its result is there once done is closed.
type flight[T any] struct {
	done  chan struct{}
	value T
	err   error
}

// NewCache returns an empty cache. observe is told of each fetch: by the
// source's label, and with the code of its failure, which is "" for a success.
func NewCache[T any](limits Limits, observe func(label, code string)) *Cache[T] {
	fetching, cancel := context.WithCancel(context.Background())
	return &Cache[T]{
		limits: limits, observe: observe, fetching: fetching, cancel: cancel,
		entries: make(map[string]*entry[T]), paces: make(map[string]*pace),
	}
}

// Close ends the fetches that are under way. Nothing can be had of the cache
// then.
func (c *Cache[T]) Close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.cancel()
	c.running.Wait()
}

// Get returns the value of a source. While it cannot be fetched anew, the one
// that is known still counts for a day; without it the error is ErrUnavailable.
func (c *Cache[T]) Get(ctx context.Context, source *Source[T]) (T, error) {
	return c.get(ctx, source, false)
}

// Renew is Get for whoever has missed something in the value: it is fetched
// again, unless that has just been done. ErrUnavailable means that it could not
// be fetched, so that what was missed may exist.
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
	if e.flight == nil && c.mayFetch(source.Group, now) {
		e.flight = c.start(source, e) //nolint:contextcheck // it is for all who wait, and outlives any of them
		c.entries[source.Key] = e
	}
	usable := e.known && !again && now.Before(e.fresh.Add(maxStale))
	if usable && e.failed {
		return e.value, nil // another try is under way, but nobody waits for it
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

// start fetches a value for all that wait for it: none of them ends it.
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
			c.evict()
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

// evict makes room for a new value.
func (c *Cache[T]) evict() {
	for len(c.entries) > c.limits.Entries {
		oldest := ""
		for key, e := range c.entries {
			if e.flight == nil && (oldest == "" || e.used.Before(c.entries[oldest].used)) {
				oldest = key
			}
		}
		if oldest == "" {
			return
		}
		delete(c.entries, oldest)
	}
}

// pace says how many fetches a group may start: it fills with time.
type pace struct {
	left  int
	since time.Time // the last time that left grew
}

// maxPaces bounds how many groups are remembered.
const maxPaces = 1024

func (c *Cache[T]) mayFetch(group string, now time.Time) bool {
	p := c.paces[group]
	if p == nil {
		if len(c.paces) >= maxPaces && !c.forget(now) {
			return false
		}
		p = &pace{left: c.limits.Burst, since: now}
		c.paces[group] = p
	}
	p.fill(c.limits, now)
	if p.left == 0 {
		return false
	}
	p.left--
	return true
}

func (p *pace) fill(limits Limits, now time.Time) {
	if p.left >= limits.Burst {
		p.since = now
		return
	}
	grown := int(min(now.Sub(p.since)/limits.Pause, time.Duration(limits.Burst-p.left)))
	p.left += grown
	p.since = p.since.Add(time.Duration(grown) * limits.Pause)
}

// forget drops the groups that have fetched nothing lately.
func (c *Cache[T]) forget(now time.Time) bool {
	for group, p := range c.paces {
		if p.fill(c.limits, now); p.left >= c.limits.Burst {
			delete(c.paces, group)
		}
	}
	return len(c.paces) < maxPaces
}
