package storage

import (
	"context"
	"time"
)

// Integration is a stored integration. Value is opaque and confidential: the
// storage encrypts it.
type Integration struct {
	WebhookID string
	Project   string
	// Revision grows by each write and never repeats for a webhook ID, not
	// after a deletion either. The storage sets it.
	Revision uint64
	// Deleted marks what only reserves the webhook ID for its project. Its
	// Value is kept all the same.
	Deleted bool
	// Unused says that no request was accepted under the webhook ID since it was
	// first written with this. It ends for good with MarkUsed, or by a Put without
	// it. The storage forgets what has been deleted, unused and without a Value for
	// ReservedFor.
	Unused bool
	// Declared marks what the configuration keeps: no limit counts it.
	Declared bool
	Value    []byte
}

// ReservedFor is how long an unused webhook ID is reserved after its deletion, by
// a clock that goes on while the storage is open, and by a day at most while it is
// not.
const ReservedFor = 30 * 24 * time.Hour

// Integrations keeps integrations by webhook ID. Reads see every write that
// has returned, whichever process made it. All writes are durable when they return.
type Integrations interface {
	// Get returns the integration, deleted or not, or ErrNotFound. A lookup
	// that finds nothing is cheap.
	Get(ctx context.Context, webhookID string) (Integration, error)

	// Put writes the integration if its present revision is expected (0: it
	// was never written, or is forgotten) and returns the new revision, else
	// ErrConflict. What a limit forbids is a LimitError.
	Put(ctx context.Context, integration Integration, expected uint64) (uint64, error)

	// MarkUsed ends that the webhook ID is unused, if it is. The revision stays.
	MarkUsed(ctx context.Context, webhookID string) error

	// List returns at most limit integrations that are not deleted, in
	// ascending order of project and webhook ID, after the given place. With
	// project "" it lists all projects. There may be fewer, so that they do not take too
	// much memory; none means that none follows.
	List(ctx context.Context, project string, after Place, limit int) ([]Integration, error)

	// Changes calls fn for each webhook ID that another process has written, in
	// time: a process that cannot be told any more has lost its session, and its
	// appends are refused. What Get returns once fn is called is what was written,
	// or newer. stop ends it and returns when fn is not called any more. A storage
	// of one process has nothing to tell.
	Changes(fn func(webhookID string)) (stop func(), err error)
}

// Place is a position in a listing of integrations; its zero value is the
// start.
type Place struct {
	Project   string
	WebhookID string
}
