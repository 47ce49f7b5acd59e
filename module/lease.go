package module

import "sync/atomic"

// lease is one configuration's hold on the gateway that survives reloads. The
// configuration holds it once, and so does each request and admin call while
// it runs, since Caddy cleans a configuration up without waiting for its
// requests. The last one to let go releases the gateway.
type lease struct {
	*gateway
	holders atomic.Int64
}

// newLease returns a lease with one holder.
func newLease(g *gateway) *lease {
	l := &lease{gateway: g}
	l.holders.Store(1)
	return l
}

// hold adds a holder; it fails once the last one has let go.
func (l *lease) hold() bool {
	for n := l.holders.Load(); n > 0; n = l.holders.Load() {
		if l.holders.CompareAndSwap(n, n+1) {
			return true
		}
	}
	return false
}

// letGo removes a holder and says whether it was the last one.
func (l *lease) letGo() bool { return l.holders.Add(-1) == 0 }
