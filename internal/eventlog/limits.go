package eventlog

import (
	"github.com/hookgate/hookgate/module/storage"
)

// SetLimits implements storage.Limiter. An event in a group that is written at
// this moment is judged by the limits before.
func (l *Log) SetLimits(limits storage.Limits) {
	l.limits.Store(&limits)
	l.compactor.Survey()
}

// Usage implements storage.Meter.
func (l *Log) Usage() storage.Usage {
	disk := l.used()
	l.mu.Lock()
	defer l.mu.Unlock()
	usage := l.tallies.Usage()
	usage.DiskBytes = disk
	return usage
}

// used is how many bytes the log takes with its index, about.
func (l *Log) used() int64 { return l.journal.Size() + l.indexBytes.Load() }

// takeRoom is an error when a limit does not allow n new events of so many bytes.
func (b *base) takeRoom(e *storage.Event, n int, bytes int64) error {
	l := b.log
	limits := l.limits.Load()
	if limits.Disk == 0 && limits.Backlog == 0 && limits.Events == 0 {
		return nil
	}
	used := l.used()
	l.mu.Lock()
	defer l.mu.Unlock()
	return b.taken.Take(l.tallies, limits, used, e, n, bytes)
}
