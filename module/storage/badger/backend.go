package badger

import (
	"errors"
	"path/filepath"

	"go.uber.org/zap"

	"github.com/hookgate/hookgate/internal/disk"
	"github.com/hookgate/hookgate/internal/eventlog"
	"github.com/hookgate/hookgate/internal/seal"
	"github.com/hookgate/hookgate/internal/store"
	"github.com/hookgate/hookgate/module/storage"
)

// backend is the open storage.
type backend struct {
	integrations *store.Store
	events       *eventlog.Log
}

func openBackend(dir string, key seal.Key, logger *zap.Logger) (storage.Backend, error) {
	integrations, err := store.Open(store.Options{Dir: filepath.Join(dir, integrationsDir), Key: key, Logger: logger})
	if err != nil {
		return nil, err
	}
	events, err := eventlog.Open(eventlog.Options{Dir: filepath.Join(dir, eventsDir), Key: key, Logger: logger})
	if err != nil {
		return nil, errors.Join(err, integrations.Close())
	}
	if err := disk.SyncDir(dir); err != nil {
		return nil, errors.Join(err, events.Close(), integrations.Close())
	}
	return &backend{integrations: integrations, events: events}, nil
}

// Integrations implements storage.Backend.
func (b *backend) Integrations() storage.Integrations { return b.integrations }

// Events implements storage.Backend.
func (b *backend) Events() storage.Events { return b.events }

// Health implements storage.Backend.
func (b *backend) Health() storage.Health {
	health, integrations := b.events.Health(), b.integrations.Health()
	if health.State == "ok" {
		health.State = integrations.State
	}
	health.SizeBytes += integrations.SizeBytes
	return health
}

// Close implements storage.Backend.
func (b *backend) Close() error { return errors.Join(b.events.Close(), b.integrations.Close()) }
