package retention

import (
	"github.com/hookgate/hookgate/internal/eventlog/state"
	"github.com/hookgate/hookgate/module/storage"
)

// Taken is what the group under way adds to what is pending.
type Taken struct {
	all      int
	of       map[storage.Identity]Amount
	projects map[string]Amount
}

// NewTaken returns nothing taken.
func NewTaken() Taken {
	return Taken{of: make(map[storage.Identity]Amount), projects: make(map[string]Amount)}
}

// Clear forgets what the group took.
func (k *Taken) Clear() {
	k.all = 0
	clear(k.of)
	clear(k.projects)
}

// Take is an error when a limit does not allow n new events like e, of so many
// bytes, beside what there is and what was taken before. used is how many bytes of
// disk the log takes.
func (k *Taken) Take(t *Tallies, limits *storage.Limits, used int64, e *storage.Event, n int, bytes int64) error {
	of, project := k.of[e.Integration], k.projects[e.Project]
	if limit := t.reached(limits, used, e, n, k.all, of, project); limit != "" {
		return &storage.LimitError{Limit: limit}
	}
	all := Amount{Events: n, Bytes: bytes}
	of.Add(all)
	project.Add(all)
	k.all += n
	k.of[e.Integration], k.projects[e.Project] = of, project
	return nil
}

// reached names the limit that does not allow more events like e, where the group
// under way has taken so many of all, of its integration and of its project.
func (t *Tallies) reached(limits *storage.Limits, used int64, e *storage.Event, more, all int, of, project Amount) string {
	if limits.Disk > 0 && used >= limits.Disk {
		return storage.LimitDisk
	}
	events := of.Events
	if tally := t.of[e.Integration]; tally != nil {
		of.Add(tally.Sums[state.PendingCode])
		events += tally.total().Events
	}
	if limits.Backlog > 0 {
		switch {
		case exceeds(t.all[state.PendingCode].Events+all, more, limits.Backlog):
			return storage.LimitBacklog
		case exceeds(of.Events, more, limits.Backlog/4):
			return storage.LimitIntegrationBacklog
		}
	}
	if !t.Counted() {
		return ""
	}
	project.Add(t.projects[e.Project])
	switch {
	case limits.Backlog > 0 && exceeds(project.Events, more, limits.Backlog/2):
		return storage.LimitProjectBacklog
	case limits.Disk > 0 && of.Bytes >= limits.Disk/4:
		return storage.LimitIntegrationDisk
	case limits.Disk > 0 && project.Bytes >= limits.Disk/2:
		return storage.LimitProjectDisk
	case limits.Events > 0 && exceeds(events, more, limits.Events):
		t.crowded[e.Integration] = max(t.crowded[e.Integration], more)
		return storage.LimitIntegrationEvents
	}
	return ""
}

// exceeds reports whether there is no room for more events beside those that are
// there. One that has none may have as many as a single append stores.
func exceeds(there, more, limit int) bool { return there+more > max(limit, more) }

// Crowd notes an integration that comes near its number of events, and reports
// whether it does.
func (t *Tallies) Crowd(identity storage.Identity, limits *storage.Limits) bool {
	if limits.Events == 0 || !t.Counted() {
		return false
	}
	of := t.of[identity]
	if of == nil || of.total().Events < highEvents(limits) {
		return false
	}
	t.crowded[identity] = max(t.crowded[identity], 1)
	return true
}

// An integration that has highEvents is brought down to lowEvents.
func highEvents(limits *storage.Limits) int { return limits.Events - (limits.Events+15)/16 }
func lowEvents(limits *storage.Limits) int  { return limits.Events - (limits.Events+7)/8 }
