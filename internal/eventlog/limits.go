package eventlog

import (
	"github.com/hookgate/hookgate/module/storage"
)

// SetLimits implements storage.Events.
func (l *Log) SetLimits(limits storage.Limits) {
	l.limits.Store(&limits)
}

// Usage implements storage.Events.
func (l *Log) Usage() storage.Usage {
	usage := storage.Usage{DiskBytes: l.Health().SizeBytes}
	l.mu.Lock()
	defer l.mu.Unlock()
	usage.PendingEvents = l.tallies.pending
	return usage
}

// hold keeps all segments where they are until release is called.
func (l *Log) hold() (release func()) {
	l.held.RLock()
	return l.held.RUnlock
}
