package eventlog

import (
	"github.com/hookgate/hookgate/internal/eventlog/state"
	"github.com/hookgate/hookgate/module/storage"
)

// SetLimits implements storage.Limiter. An event in a group that is written at
// this moment is judged by the limits before.
func (l *Log) SetLimits(limits storage.Limits) {
	l.limits.Store(&limits)
	l.compactor.survey()
}

// Usage implements storage.Meter.
func (l *Log) Usage() storage.Usage {
	usage := storage.Usage{DiskBytes: l.used()}
	l.mu.Lock()
	defer l.mu.Unlock()
	all, pending := l.tallies.all.total(), l.tallies.all[state.PendingCode]
	usage.Counted = l.tallies.counted()
	usage.Events, usage.Bytes = all.events, all.bytes
	usage.PendingEvents, usage.PendingBytes = pending.events, pending.bytes
	usage.PurgedDelivered, usage.PurgedFailed = l.purges[state.DeliveredCode], l.purges[state.FailedCode]
	if identity, of := l.tallies.largest(func(storage.Identity, *tally) bool { return true }); of != nil {
		total := of.total()
		usage.Largest = storage.Share{
			Integration: identity, WebhookID: of.webhookID, Project: of.project, Events: total.events, Bytes: total.bytes,
		}
	}
	return usage
}

// used is how many bytes the log takes with its index, about.
func (l *Log) used() int64 { return l.journal.Size() + l.indexBytes.Load() }

// indexEach is how many bytes an event takes in the index, about; 0 while that is
// not known.
func (l *Log) indexEach() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.tallies.counted() {
		return 0
	}
	return l.indexBytes.Load() / int64(max(l.tallies.all.total().events, 1))
}

// taken is what the group under way adds to what is pending.
type taken struct {
	all      int
	of       map[storage.Identity]amount
	projects map[string]amount
}

func newTaken() taken {
	return taken{of: make(map[storage.Identity]amount), projects: make(map[string]amount)}
}

func (t *taken) clear() {
	t.all = 0
	clear(t.of)
	clear(t.projects)
}

// takeRoom is an error when a limit does not allow n new events of so many bytes.
func (b *base) takeRoom(e *storage.Event, n int, bytes int64) error {
	limits := b.log.limits.Load()
	if limits.Disk == 0 && limits.Backlog == 0 && limits.Events == 0 {
		return nil
	}
	of, project := b.taken.of[e.Integration], b.taken.projects[e.Project]
	if limit := b.log.reached(limits, e, n, b.taken.all, of, project); limit != "" {
		return &storage.LimitError{Limit: limit}
	}
	all := amount{events: n, bytes: bytes}
	of.add(all)
	project.add(all)
	b.taken.all += all.events
	b.taken.of[e.Integration], b.taken.projects[e.Project] = of, project
	return nil
}

// reached names the limit that stands in the way of more events like the one
// given, beside those that the group under way has of it all, the integration
// and the project.
func (l *Log) reached(limits *storage.Limits, e *storage.Event, more, all int, of, project amount) string {
	if limits.Disk > 0 && l.used() >= limits.Disk {
		return storage.LimitDisk
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.tallies
	events := of.events
	if tally := t.of[e.Integration]; tally != nil {
		of.add(tally.sums[state.PendingCode])
		events += tally.total().events
	}
	if limits.Backlog > 0 {
		switch {
		case exceeds(t.all[state.PendingCode].events+all, more, limits.Backlog):
			return storage.LimitBacklog
		case exceeds(of.events, more, limits.Backlog/4):
			return storage.LimitIntegrationBacklog
		}
	}
	if !t.counted() {
		return ""
	}
	project.add(t.projects[e.Project])
	switch {
	case limits.Backlog > 0 && exceeds(project.events, more, limits.Backlog/2):
		return storage.LimitProjectBacklog
	case limits.Disk > 0 && of.bytes >= limits.Disk/4:
		return storage.LimitIntegrationDisk
	case limits.Disk > 0 && project.bytes >= limits.Disk/2:
		return storage.LimitProjectDisk
	case limits.Events > 0 && exceeds(events, more, limits.Events):
		l.crowded[e.Integration] = max(l.crowded[e.Integration], more)
		return storage.LimitIntegrationEvents
	}
	return ""
}

// exceeds says whether there is no room for more events beside those that are
// there. Who has none may have as many as one append stores.
func exceeds(there, more, limit int) bool { return there+more > max(limit, more) }

// crowd notes an integration that comes near its number of events. It is called
// with the log's mutex held.
func (l *Log) crowd(identity storage.Identity, limits *storage.Limits) {
	if limits.Events == 0 || !l.tallies.counted() {
		return
	}
	if of := l.tallies.of[identity]; of != nil && of.total().events >= highEvents(limits) {
		l.crowded[identity] = max(l.crowded[identity], 1)
		l.compactor.hurry()
	}
}

// An integration that has highEvents is brought down to lowEvents.
func highEvents(limits *storage.Limits) int { return limits.Events - (limits.Events+15)/16 }
func lowEvents(limits *storage.Limits) int  { return limits.Events - (limits.Events+7)/8 }
