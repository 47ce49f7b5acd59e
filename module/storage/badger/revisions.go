package badger

import (
	"context"
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hookgate/hookgate/internal/eventlog"
	"github.com/hookgate/hookgate/internal/store"
	"github.com/hookgate/hookgate/module/storage"
)

// requestTime is longer than any request takes from being authenticated to being
// stored.
const requestTime = 15 * time.Minute

// revisions has Append refuse what an integration authenticated that was written
// since. All writes of the storage are this process's, so it need not read the
// integrations for that: it remembers those that were written of late. Who
// authenticates a request now reads what has been written, and who did so before
// has stored it, or given up, by the time it is forgotten.
type revisions struct {
	seed maphash.Seed
	// newest is the greatest revision that is remembered, by a hash of the webhook
	// ID. As a rule it answers, and Append takes no lock.
	newest [1024]atomic.Uint64

	mu       sync.Mutex
	now, ago map[string]uint64 // the last revision by webhook ID
	turned   time.Time         // when now became ago
}

func newRevisions() *revisions {
	return &revisions{seed: maphash.MakeSeed(), now: make(map[string]uint64), turned: time.Now()}
}

// written notes a revision that is durable, before its writer is answered.
func (r *revisions) written(webhookID string, revision uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if time.Since(r.turned) > requestTime {
		r.turn()
	}
	r.now[webhookID] = max(revision, r.now[webhookID])
	newest := r.bucket(webhookID)
	newest.Store(max(revision, newest.Load()))
}

// turn forgets what was written before the last turn. mu is held.
func (r *revisions) turn() {
	r.ago, r.now, r.turned = r.now, make(map[string]uint64), time.Now()
	var newest [len(r.newest)]uint64
	for webhookID, revision := range r.ago {
		at := r.hash(webhookID)
		newest[at] = max(revision, newest[at])
	}
	for at := range newest {
		r.newest[at].Store(newest[at])
	}
}

// isStale reports whether a later revision was written.
func (r *revisions) isStale(webhookID string, revision uint64) bool {
	if revision == 0 || r.bucket(webhookID).Load() <= revision {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return revision < max(r.now[webhookID], r.ago[webhookID])
}

func (r *revisions) hash(webhookID string) int {
	return int(maphash.String(r.seed, webhookID) % uint64(len(r.newest)))
}

func (r *revisions) bucket(webhookID string) *atomic.Uint64 { return &r.newest[r.hash(webhookID)] }

// notingIntegrations notes each revision that is written.
type notingIntegrations struct {
	*store.Store
	revisions *revisions
}

// Put implements storage.Integrations.
func (i notingIntegrations) Put(ctx context.Context, in storage.Integration, expected uint64) (uint64, error) {
	revision, err := i.Store.Put(ctx, in, expected)
	if err == nil {
		i.revisions.written(in.WebhookID, revision)
	}
	return revision, err
}

// checkingEvents checks the revisions of events.
type checkingEvents struct {
	*eventlog.Log
	revisions *revisions
}

// Append implements storage.Events.
func (e checkingEvents) Append(ctx context.Context, event *storage.Event, dedupe storage.Dedupe, further ...storage.Resource) (storage.ID, storage.Outcome, error) {
	if e.revisions.isStale(event.WebhookID, event.Revision) {
		return storage.ID{}, 0, storage.ErrStale
	}
	return e.Log.Append(ctx, event, dedupe, further...)
}
