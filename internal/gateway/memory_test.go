package gateway

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hookgate/hookgate/module/storage"
)

// memory is a storage that does without files, and so can be used in a test whose
// time is simulated. It has what configurations ask for until they dispatch.
type memory struct {
	put, changes, watch error
	tries, open         atomic.Int32
	following           atomic.Int32

	mu           sync.Mutex // guards what follows
	fail         error
	integrations map[string]storage.Integration
	pending      []*storage.Record
	watcher      storage.Watcher
}

func (m *memory) Key() string                        { return "memory" }
func (m *memory) Options() string                    { return "" }
func (m *memory) Health() storage.Health             { return storage.Health{State: "ok"} }
func (m *memory) Integrations() storage.Integrations { return memoryIntegrations{memory: m} }
func (m *memory) Events() storage.Events             { return memoryEvents{memory: m} }

func (m *memory) Open(context.Context) (storage.Backend, error) {
	m.tries.Add(1)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		return nil, m.fail
	}
	m.open.Add(1)
	return m, nil
}

// failing has Open fail from now on, or succeed.
func (m *memory) failing(err error) *memory {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fail = err
	return m
}

func (m *memory) Close() error {
	m.open.Add(-1)
	return nil
}

type memoryIntegrations struct {
	storage.Integrations // what is not needed is nil, and panics
	memory               *memory
}

func (m memoryIntegrations) SetLimits(storage.IntegrationLimits) {}

func (m memoryIntegrations) Changes(func(string)) (func(), error) {
	if m.memory.changes != nil {
		return nil, m.memory.changes
	}
	m.memory.following.Add(1)
	return func() { m.memory.following.Add(-1) }, nil
}

func (m memoryIntegrations) Get(_ context.Context, webhookID string) (storage.Integration, error) {
	m.memory.mu.Lock()
	defer m.memory.mu.Unlock()
	if record, found := m.memory.integrations[webhookID]; found {
		return record, nil
	}
	return storage.Integration{}, storage.ErrNotFound
}

func (m memoryIntegrations) Put(_ context.Context, record storage.Integration, expected uint64) (uint64, error) {
	m.memory.mu.Lock()
	defer m.memory.mu.Unlock()
	if m.memory.put != nil {
		return 0, m.memory.put
	}
	if m.memory.integrations == nil {
		m.memory.integrations = make(map[string]storage.Integration)
	}
	record.Revision = expected + 1
	m.memory.integrations[record.WebhookID] = record
	return record.Revision, nil
}

type memoryEvents struct {
	storage.Events
	memory *memory
}

func (m memoryEvents) SetLimits(storage.Limits) {}

func (m memoryEvents) Peers() int { return 0 }

func (m memoryEvents) Watch(watcher storage.Watcher) (func(), error) {
	m.memory.mu.Lock()
	defer m.memory.mu.Unlock()
	m.memory.watcher = watcher
	return func() {}, m.memory.watch
}

func (m memoryEvents) Append(_ context.Context, event *storage.Event, _ storage.Dedupe, _ ...storage.Resource) (storage.ID, storage.Outcome, error) {
	m.memory.mu.Lock()
	defer m.memory.mu.Unlock()
	event.ID, event.ReceivedAt = storage.ID{15: byte(len(m.memory.pending) + 1)}, time.Now()
	m.memory.pending = append(m.memory.pending, &storage.Record{Event: *event, State: storage.State{Status: storage.Pending, QueuedAt: time.Now()}})
	m.memory.watcher.Pending(storage.Ref{ID: event.ID, Integration: event.Integration, WebhookID: event.WebhookID, Project: event.Project,
		ResourceType: event.ResourceType, ResourceID: event.ResourceID, Due: time.Now()})
	return event.ID, storage.Accepted, nil
}

func (m memoryEvents) Claim(_ context.Context, _ storage.Identity, id storage.ID) (*storage.Record, error) {
	m.memory.mu.Lock()
	defer m.memory.mu.Unlock()
	return m.memory.pending[slices.IndexFunc(m.memory.pending, func(r *storage.Record) bool { return r.ID == id })], nil
}

func (m memoryEvents) Finish(context.Context, storage.Identity, storage.ID, storage.Attempt, storage.Status, time.Time) error {
	return nil
}

func (m memoryEvents) Release(context.Context, storage.Identity, storage.ID, time.Time) error {
	return nil
}

func (m memoryEvents) Counts() storage.Counts { return storage.Counts{} }
