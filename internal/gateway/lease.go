package gateway

import (
	"sync/atomic"

	"go.uber.org/zap"

	"github.com/hookgate/hookgate/internal/gate"
)

// Lease is one configuration's hold on an engine. The configuration holds it once, and
// so does each request and admin call while it runs: Caddy cleans up a configuration
// without waiting for its requests. The last holder to let go releases the engine.
type Lease struct {
	*engine
	configuration *Configuration
	edge          gate.Config
	holders       atomic.Int64
}

// newLease returns a lease with one holder.
func newLease(c *Configuration, e *engine) *Lease {
	l := &Lease{engine: e, configuration: c}
	l.holders.Store(1)
	return l
}

// hold adds a holder; it fails once the last one has let go.
func (l *Lease) hold() bool {
	for n := l.holders.Load(); n > 0; n = l.holders.Load() {
		if l.holders.CompareAndSwap(n, n+1) {
			return true
		}
	}
	return false
}

// letGo removes a holder and reports whether it was the last one.
func (l *Lease) letGo() bool { return l.holders.Add(-1) == 0 }

// Release undoes Acquire. The last request of a closed configuration releases the
// engine in the background.
func (l *Lease) Release() {
	if l.letGo() {
		go func() {
			if err := l.configuration.pool.release(l.engine); err != nil {
				l.configuration.settings.Logger.Error("closing the storage", zap.Error(err))
			}
		}()
	}
}
