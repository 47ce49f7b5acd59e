package eventlog

import (
	"context"

	"github.com/hookgate/hookgate/internal/eventlog/state"
	"github.com/hookgate/hookgate/module/storage"
)

// Drop implements storage.Events. What the index has of the integration is
// deleted a little later.
func (l *Log) Drop(ctx context.Context, identity storage.Identity, force bool) error {
	if err := l.enter(); err != nil {
		return err
	}
	defer l.leave()
	return l.submit(ctx, l.newOp(&state.Drop{Of: identity, Force: force}))
}

// Dropped implements storage.Events. Long after a drop the log has forgotten the
// identity; nothing of it is pending then either.
func (l *Log) Dropped(identity storage.Identity) bool {
	return l.isDropped(identity) || l.PendingOf(identity) == 0
}

// Counts implements storage.Events. OldestPending is exact to the second.
func (l *Log) Counts() storage.Counts {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.tallies.Counts()
}

// PendingOf implements storage.Events.
func (l *Log) PendingOf(identity storage.Identity) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.tallies.PendingOf(identity).Events
}
