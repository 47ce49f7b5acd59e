package integration

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/hookgate/hookgate/internal/credential"
	"github.com/hookgate/hookgate/module/provider"
	"github.com/hookgate/hookgate/module/storage"
)

// memory is a storage of integrations for tests.
type memory struct {
	mu        sync.Mutex
	records   map[string]storage.Integration
	revision  uint64
	beforePut func() // called once, without the lock
	afterGet  func() // called once, without the lock
	afterPut  error  // of one write, which can be read all the same
	markFails error
	elsewhere func(webhookID string) // tells of what another process has written
}

func newMemory() *memory { return &memory{records: make(map[string]storage.Integration)} }

func (m *memory) Get(_ context.Context, webhookID string) (storage.Integration, error) {
	m.mu.Lock()
	record, ok := m.records[webhookID]
	after := m.afterGet
	m.afterGet = nil
	m.mu.Unlock()
	if after != nil {
		after()
	}
	if !ok {
		return record, storage.ErrNotFound
	}
	return record, nil
}

func (m *memory) Put(_ context.Context, record storage.Integration, expected uint64) (uint64, error) {
	if before := m.beforePut; before != nil {
		m.beforePut = nil
		before()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.records[record.WebhookID].Revision != expected {
		return 0, storage.ErrConflict
	}
	m.revision++
	record.Revision = m.revision
	m.records[record.WebhookID] = record
	if err := m.afterPut; err != nil {
		m.afterPut = nil
		return 0, err
	}
	return m.revision, nil
}

func (m *memory) List(_ context.Context, project string, after storage.Place, limit int) ([]storage.Integration, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []storage.Integration
	for record := range maps.Values(m.records) {
		place := cmp.Or(cmp.Compare(record.Project, after.Project), cmp.Compare(record.WebhookID, after.WebhookID))
		if !record.Deleted && place > 0 && (project == "" || project == record.Project) {
			list = append(list, record)
		}
	}
	slices.SortFunc(list, func(a, b storage.Integration) int {
		return cmp.Or(cmp.Compare(a.Project, b.Project), cmp.Compare(a.WebhookID, b.WebhookID))
	})
	return list[:min(limit, len(list))], nil
}

func (m *memory) MarkUsed(_ context.Context, webhookID string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if record, ok := m.records[webhookID]; ok {
		record.Unused = false
		m.records[webhookID] = record
	}
	return m.markFails
}

func (m *memory) SetLimits(storage.IntegrationLimits) {}

func (m *memory) Changes(fn func(webhookID string)) (func(), error) {
	m.elsewhere = fn
	return func() { m.elsewhere = nil }, nil
}

func (m *memory) Usage(context.Context, string) (storage.IntegrationUsage, error) {
	return storage.IntegrationUsage{}, nil
}

// queue is the events of integrations for tests.
type queue struct {
	pending map[storage.Identity]int
	dropped []storage.Identity
	err     error  // of Drop
	before  func() // called by Drop once
}

func (q *queue) PendingOf(identity storage.Identity) int { return q.pending[identity] }

func (q *queue) Drop(_ context.Context, identity storage.Identity, force bool) error {
	if before := q.before; before != nil {
		q.before = nil
		before()
	}
	if q.err != nil {
		return q.err
	}
	if !force && q.pending[identity] > 0 {
		return storage.ErrPending
	}
	q.dropped = append(q.dropped, identity)
	delete(q.pending, identity)
	return nil
}

// rules are those of a small table of providers and one trigger.
func rules() Rules {
	return Rules{
		EventHeaders: []string{"X-Other-Event"},
		Provider: func(name string) (credential.ProviderFacts, bool) {
			facts, ok := map[string]credential.ProviderFacts{
				"github": {
					SHA256:            true,
					CredentialHeaders: []string{"X-Hub-Signature-256", "X-Hub-Signature"},
					ReservedHeaders:   []string{"X-GitHub-Event", "X-GitHub-Delivery"},
				},
				"asana":  {SHA256: true, CredentialHeaders: []string{"X-Hook-Signature"}, Learns: true, Timed: true},
				"slack":  {SHA256: true, CredentialHeaders: []string{"X-Slack-Signature"}, Timed: true},
				"jira":   {SHA256: true, CredentialHeaders: []string{"X-Hub-Signature"}},
				"gitlab": {CredentialHeaders: []string{"X-Gitlab-Token"}, ReservedHeaders: []string{"X-Gitlab-Event"}},
				"teams":  {SHA256: true, CredentialHeaders: []string{"Authorization"}, CheckSecret: checkTeams},
			}[name]
			return facts, ok
		},
		Custom: func(d *provider.Description) (credential.ProviderFacts, error) {
			return credential.ProviderFacts{SHA256: true, CredentialHeaders: []string{d.Schemes[0].Header}}, d.Validate()
		},
		Providers:     func() []string { return []string{"asana", "github", "gitlab", "jira", "teams"} },
		Issuer:        func(name string) (credential.IssuerFacts, bool) { return credential.IssuerFacts{}, name == "google" },
		Issuers:       func() []string { return []string{"google"} },
		ResourceTypes: func() []string { return []string{"assistant", "workflow"} },
		Allow: func(project, _, _ string) error {
			if project == "guest" {
				return errNotAllowed
			}
			return nil
		},
	}
}

func newTestService(t *testing.T) (*Service, *memory, *queue) {
	t.Helper()
	m, q := newMemory(), &queue{pending: make(map[storage.Identity]int)}
	return NewService(m, q), m, q
}
