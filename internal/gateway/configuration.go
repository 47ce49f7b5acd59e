package gateway

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/hookgate/hookgate/internal/gate"
	"github.com/hookgate/hookgate/internal/integration"
	"github.com/hookgate/hookgate/module/storage"
	"github.com/hookgate/hookgate/module/trigger"
)

// Configuration is one that is loaded. It is made, declares its integrations and
// is told its sites without anything being opened. Then it is started, stopped and
// closed; it may be closed without all that comes before.
type Configuration struct {
	settings Settings
	pool     *Pool
	byType   map[string]trigger.Trigger
	parsed   []*integration.Integration // declared, without identity
	sites    []Site
	ended    chan struct{} // closed by Close

	// lease is nil until the storage is open; opening guards its making and
	// what is complete from then on.
	lease    atomic.Pointer[Lease]
	opening  sync.Mutex
	declared *integration.Declared
	routes   map[string]*gate.Route // of the declared integrations
	started  bool
	closed   bool
	failure  error // of the last try to open the storage
	failedAt time.Time
}

// New returns a configuration that shares what is open with those of the same
// pool.
func New(pool *Pool, settings Settings) (*Configuration, error) {
	byType, err := serving(settings.Triggers)
	if err != nil {
		return nil, err
	}
	return &Configuration{settings: settings, pool: pool, byType: byType, ended: make(chan struct{})}, nil
}

// Start opens the storage and begins to dispatch. A storage that cannot be
// opened for lack of space is no reason to stop the other sites or to end in a
// loop of restarts: it is tried again, and until then requests are refused.
func (c *Configuration) Start() error {
	c.opening.Lock()
	c.started = true
	c.opening.Unlock()
	held, err := c.Acquire()
	if errors.Is(err, storage.ErrUnavailable) {
		c.settings.Logger.Error("the storage cannot be opened; requests are answered with 503 until it can", zap.Error(err))
		go c.keepOpening()
		return nil
	}
	if err != nil {
		return err
	}
	defer held.Release()
	held.attach(c)
	return nil
}

// Stop ends dispatching for this configuration. Attempts that are under way
// go on; what survives reloads waits for them when nothing needs it any more.
func (c *Configuration) Stop() {
	c.opening.Lock()
	defer c.opening.Unlock()
	c.started = false
	if held := c.lease.Load(); held != nil {
		held.detach(c)
	}
}

// Close lets go of the storage. It may follow a Start that failed half way, and
// requests of this configuration may still be running.
func (c *Configuration) Close() error {
	c.opening.Lock()
	defer c.opening.Unlock()
	if c.closed {
		return nil
	}
	c.closed, c.started = true, false
	close(c.ended)
	if held := c.lease.Load(); held != nil {
		held.detach(c)
		if held.letGo() {
			return c.pool.release(held.engine)
		}
	}
	return nil
}

// Acquire returns a hold on the open storage, opening it when this is the
// first to ask: Start or a request, whichever comes first, for Caddy starts apps
// in no order. It must be released.
func (c *Configuration) Acquire() (*Lease, error) {
	if held := c.lease.Load(); held != nil && held.hold() {
		return held, nil
	}
	c.opening.Lock()
	defer c.opening.Unlock()
	if held := c.lease.Load(); held != nil && held.hold() {
		return held, nil
	}
	if c.failure != nil && time.Since(c.failedAt) < openingPause {
		return nil, c.failure
	}
	var opened *engine
	if opened, c.failure = c.open(); c.failure != nil {
		c.failedAt = time.Now()
		return nil, c.failure
	}
	held := newLease(c, opened)
	held.edge = newEdge(c, opened)
	// A request that comes after Close holds what it needs alone.
	if !c.closed {
		held.hold()
		c.lease.Store(held)
	}
	if c.started {
		opened.attach(c)
	}
	return held, nil
}

// open opens the storage and completes what the configuration needs of
// it.
func (c *Configuration) open() (*engine, error) {
	opened, err := c.pool.acquire(&c.settings)
	if err != nil {
		return nil, err
	}
	if err := c.ready(opened); err != nil {
		return nil, errors.Join(err, c.pool.release(opened))
	}
	return opened, nil
}

// openingPause is how long a failure to open the storage stands before it is
// tried again.
const openingPause = time.Second

// keepOpening tries to open the storage until it is open or the configuration
// is closed.
func (c *Configuration) keepOpening() {
	ticker := time.NewTicker(openingPause)
	defer ticker.Stop()
	for {
		select {
		case <-c.ended:
			return
		case <-ticker.C:
		}
		if held, err := c.Acquire(); err == nil {
			held.Release()
			c.settings.Logger.Info("the storage is open")
			return
		}
	}
}
