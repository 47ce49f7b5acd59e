// Package storage is what a third party implements to keep integrations and
// events. A storage is a Caddy module in the namespace `webhooks.storage`; the
// suite in storagetest holds it to what this package promises.
//
// The interface is experimental: until a second engine is in use it may change
// with any release.
//
// It is semantic on purpose. Each call is one whole step, such as looking for a
// duplicate and storing, claiming, finishing, replaying or dropping, and the
// storage makes it atomic by its own means: a log by its one writer, a database by
// a transaction. So nothing that is peculiar to an engine crosses it: it has plain
// types only, and neither an iterator nor a transaction. docs/decisions/0022 has the
// reasons.
//
// Several processes may share a storage. Each has a session with it, from Open to
// Close, unless the storage loses sight of the process before. An event is at any
// time one session's, which alone may attempt it; what a lost session still tells
// is refused. A storage of one process has one session, which nothing but the end
// of the process ends.
//
// What only some storages can do is optional, a small interface each: a Backend may be
// a DiskMeter, a ClockWatcher, a Backuper and Keyed, Events a Limiter and a Meter,
// Integrations an IntegrationLimiter and an IntegrationMeter, and a Storage a Restorer
// and a KeyRotator. The status and the metrics leave out what is missing, and limits of
// the configuration that nobody keeps are told of in the log.
package storage

import (
	"context"
	"time"
)

// Storage opens what a configuration names.
type Storage interface {
	// Key identifies what must not be opened twice in one process, such as a
	// canonical path. It is known once the module is provisioned.
	Key() string

	// Options is a digest of the remaining settings: two configurations that
	// share a Key but not their Options cannot both be served.
	Options() string

	// Open opens the storage, creating it when it does not exist. Provision
	// and Validate of the module must not touch the disk or the network: Open
	// does. The backend outlives ctx. It may be one that is unavailable and goes
	// on connecting behind.
	Open(ctx context.Context) (Backend, error)
}

// Backend is an open storage.
type Backend interface {
	Integrations() Integrations
	Events() Events
	Health() Health
	// Close ends the session, and waits for what is under way. What was
	// acknowledged is durable already.
	Close() error
}

// Health is what the status page shows of a storage.
type Health struct {
	// State is "ok" or one word of the fault.
	State string
	// FailedAt is when a write or a sync last failed; zero when none did since
	// the storage was opened.
	FailedAt time.Time
}

// Identity is the random internal identity of an integration.
type Identity [16]byte
