package module

import (
	"errors"
	"time"

	"go.uber.org/zap"
)

// acquire returns a hold on the open gateway, opening it when this is the
// first to ask: the app's Start or a request, whichever comes first, for Caddy
// starts apps in no order. It must be released.
func (a *App) acquire() (*lease, error) {
	if held := a.lease.Load(); held != nil && held.hold() {
		return held, nil
	}
	a.opening.Lock()
	defer a.opening.Unlock()
	if held := a.lease.Load(); held != nil && held.hold() {
		return held, nil
	}
	if a.failure != nil && time.Since(a.failedAt) < openingPause {
		return nil, a.failure
	}
	var opened *gateway
	if opened, a.failure = a.open(); a.failure != nil {
		a.failedAt = time.Now()
		return nil, a.failure
	}
	held := newLease(opened)
	// A request that comes after Cleanup holds what it needs alone.
	if !a.cleaned {
		held.hold()
		a.lease.Store(held)
	}
	if a.started {
		opened.attach(a)
	}
	return held, nil
}

// open opens the storage and completes what the configuration needs of
// it.
func (a *App) open() (*gateway, error) {
	opened, err := openGateway(a.storage, a.shelf, a.logger)
	if err != nil {
		return nil, err
	}
	if err := a.ready(opened); err != nil {
		return nil, errors.Join(err, opened.close())
	}
	return opened, nil
}

// openingPause is how long a failure to open the storage stands before it is
// tried again.
const openingPause = time.Second

// keepOpening tries to open the storage until it is open or the configuration
// is gone.
func (a *App) keepOpening() {
	ticker := time.NewTicker(openingPause)
	defer ticker.Stop()
	for {
		select {
		case <-a.ctx.Done():
			return
		case <-ticker.C:
		}
		if held, err := a.acquire(); err == nil {
			a.release(held)
			a.logger.Info("the storage is open")
			return
		}
	}
}

// release undoes acquire. The last request of a configuration that is gone
// closes what nobody else holds, behind its own back.
func (a *App) release(held *lease) {
	if held.letGo() {
		go func() {
			if err := held.close(); err != nil {
				a.logger.Error("closing the storage", zap.Error(err))
			}
		}()
	}
}
