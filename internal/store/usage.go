package store

import (
	"context"
	"fmt"
	"sync"

	"github.com/dgraph-io/badger/v4"
	"go.uber.org/zap"

	"github.com/hookgate/hookgate/internal/seal"
	"github.com/hookgate/hookgate/module/storage"
)

// usage is what each project has stored. It is counted by the writing goroutine
// when the store is opened, before the first write, and after a failed write;
// from then on each write adjusts it. So it says nothing that the records do
// not.
type usage struct {
	ready chan struct{} // closed once it is counted

	mu       sync.Mutex
	limits   storage.IntegrationLimits
	projects map[string]storage.IntegrationUsage
	all      storage.IntegrationUsage
}

// usageOf returns what a record counts for: the bytes of its key and of its
// sealed value.
func usageOf(r *record) (u storage.IntegrationUsage) {
	switch {
	case r.Revision == 0, r.Declared:
		return u
	case r.Deleted:
		u.ReservedIDs = 1
	default:
		u.Integrations = 1
	}
	u.Bytes = int64(1 + len(r.WebhookID) + seal.Overhead + r.size())
	return u
}

func add(a, b storage.IntegrationUsage) storage.IntegrationUsage {
	return storage.IntegrationUsage{
		Integrations: a.Integrations + b.Integrations,
		ReservedIDs:  a.ReservedIDs + b.ReservedIDs,
		Bytes:        a.Bytes + b.Bytes,
	}
}

func negative(a storage.IntegrationUsage) storage.IntegrationUsage {
	return storage.IntegrationUsage{Integrations: -a.Integrations, ReservedIDs: -a.ReservedIDs, Bytes: -a.Bytes}
}

// SetLimits implements storage.IntegrationLimiter.
func (s *Store) SetLimits(limits storage.IntegrationLimits) {
	s.usage.mu.Lock()
	defer s.usage.mu.Unlock()
	s.usage.limits = limits
}

// Usage implements storage.IntegrationMeter. It waits until everything is
// counted.
func (s *Store) Usage(ctx context.Context, project string) (storage.IntegrationUsage, error) {
	select {
	case <-s.usage.ready:
	default:
		select {
		case <-s.usage.ready:
		case <-ctx.Done():
			return storage.IntegrationUsage{}, ctx.Err()
		}
	}
	s.usage.mu.Lock()
	defer s.usage.mu.Unlock()
	if project == "" {
		return s.usage.all, nil
	}
	return s.usage.projects[project], nil
}

// total returns the bytes of all projects.
func (u *usage) total() int64 {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.all.Bytes
}

// count counts all records. One that is damaged counts for nothing.
func (s *Store) count() {
	projects := make(map[string]storage.IntegrationUsage)
	var all storage.IntegrationUsage
	damaged := 0
	err := s.view(func(txn *badger.Txn) error {
		it := txn.NewIterator(badger.IteratorOptions{Prefix: []byte{prefixIntegration}})
		defer it.Close()
		for it.Rewind(); it.Valid(); it.Next() {
			r, err := s.get(txn, string(it.Item().Key()[1:]))
			if err != nil {
				damaged++
				continue
			}
			if of := usageOf(&r); of != (storage.IntegrationUsage{}) {
				projects[r.Project], all = add(projects[r.Project], of), add(all, of)
			}
		}
		return nil
	})
	if err == nil && damaged > 0 {
		err = fmt.Errorf("%w: %d of them cannot be read", storage.ErrCorrupt, damaged)
	}
	if err != nil {
		s.logger.Error("integrations cannot be counted; their limits only apply to those that could be", zap.Error(err))
	}
	s.usage.mu.Lock()
	s.usage.projects, s.usage.all = projects, all
	s.usage.mu.Unlock()
	select {
	case <-s.usage.ready:
	default:
		close(s.usage.ready)
	}
}

// check reports whether the limits allow a record in place of another one.
func (t *transaction) check(stored, next *record) error {
	if next.Deleted || next.Declared {
		return nil
	}
	adds := usageOf(next)
	if stored.Project == next.Project {
		adds = add(adds, negative(usageOf(stored)))
	}
	s := &t.store.usage
	s.mu.Lock()
	limits, has := s.limits, add(s.projects[next.Project], t.usage[next.Project])
	s.mu.Unlock()
	after := add(has, adds)
	switch {
	case limits.Integrations > 0 && adds.Integrations+adds.ReservedIDs > 0 && after.Integrations+after.ReservedIDs > limits.Integrations:
		return &storage.LimitError{Limit: storage.LimitProjectIntegrations}
	case limits.Bytes > 0 && adds.Bytes > 0 && after.Bytes > limits.Bytes:
		return &storage.LimitError{Limit: storage.LimitProjectIntegrationBytes}
	}
	return nil
}

// count records what the transaction adds.
func (t *transaction) count(stored, next *record) {
	was, is := usageOf(stored), usageOf(next)
	t.usage[stored.Project] = add(t.usage[stored.Project], negative(was))
	t.usage[next.Project] = add(t.usage[next.Project], is)
	t.bytes += is.Bytes + maxRecordOverhead
}

// maxRecordOverhead is about what the database takes for a record in addition
// to its bytes.
const maxRecordOverhead = 256

// counted adds what a transaction has written.
func (s *Store) counted(t *transaction) {
	s.grown += t.bytes
	s.usage.mu.Lock()
	defer s.usage.mu.Unlock()
	for project, adds := range t.usage {
		s.usage.all = add(s.usage.all, adds)
		if now := add(s.usage.projects[project], adds); now == (storage.IntegrationUsage{}) {
			delete(s.usage.projects, project)
		} else {
			s.usage.projects[project] = now
		}
	}
}
