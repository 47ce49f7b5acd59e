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

// Configuration is a loaded configuration. New, Declare and AddSite prepare it without
// opening anything; then it is started, stopped and closed. It may be closed at any
// point.
type Configuration struct {
	settings Settings
	pool     *Pool
	byType   map[string]trigger.Trigger
	parsed   []*integration.Integration // declared, without identity
	sites    []Site
	ended    chan struct{} // closed by Close

	// lease is nil until the storage is open. opening guards its creation and the
	// fields below, which are complete from then on.
	lease    atomic.Pointer[Lease]
	opening  sync.Mutex
	declared *integration.Declared
	routes   map[string]*gate.Route // of the declared integrations
	started  bool
	closed   bool
	failure  error // of the last try to open the storage
	failedAt time.Time
}

// New returns a configuration that shares open storages with the others of the pool.
func New(pool *Pool, settings Settings) (*Configuration, error) {
	byType, err := serving(settings.Triggers)
	if err != nil {
		return nil, err
	}
	return &Configuration{settings: settings, pool: pool, byType: byType, ended: make(chan struct{})}, nil
}

// Start opens the storage and begins to dispatch. It does not fail when the storage is
// unavailable, for example because the disk is full: that must neither stop the other
// sites nor end in a loop of restarts. The storage is then tried again every second,
// and requests are refused until it is open.
func (c *Configuration) Start() error {
	c.opening.Lock()
	c.started = true
	c.opening.Unlock()
	held, err := c.Acquire()
	if errors.Is(err, storage.ErrUnavailable) {
		c.settings.Logger.Error("the storage cannot be opened; requests are answered with 503 until it is", zap.Error(err))
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

// Stop ends dispatching for this configuration. Attempts under way continue; the
// engine waits for them before it closes the storage.
func (c *Configuration) Stop() {
	c.opening.Lock()
	defer c.opening.Unlock()
	c.started = false
	if held := c.lease.Load(); held != nil {
		held.detach(c)
	}
}

// Close lets go of the storage. It may follow a Start that failed, and requests of
// this configuration may still be running.
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

// Acquire returns a hold on the open storage, which the caller must release. The first
// caller opens it: Start or a request, since Caddy starts apps in no particular order.
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
	// A request that arrives after Close is the only holder.
	if !c.closed {
		held.hold()
		c.lease.Store(held)
	}
	if c.started {
		opened.attach(c)
	}
	return held, nil
}

// open opens the storage and looks up what the configuration needs of it.
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

// openingPause is how long to wait after a failure to open the storage before the next
// try.
const openingPause = time.Second

// keepOpening retries until the storage is open or the configuration is closed.
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
