// Package storage is what a third party implements to keep integrations and
// events. It has plain types only, and nothing in it is peculiar to one
// engine: claims are leases, and no iterator or transaction crosses it.
//
// A storage is a Caddy module in the namespace `webhooks.storage`. The suite in
// storagetest says what each one must hold.
package storage

import (
	"context"
	"errors"
	"io"
	"net/http"
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
	// and Validate of the module must not touch the disk: Open does.
	Open() (Backend, error)
}

// Backend is an open storage.
type Backend interface {
	Integrations() Integrations
	Events() Events
	Health() Health
	// Close waits for what is under way. What was acknowledged is durable
	// already.
	Close() error
}

// Health is what the status page shows of a storage.
type Health struct {
	// State is "ok" or one word of the fault.
	State         string
	SizeBytes     int64
	DiskFreeBytes int64
	// FailedAt is when a write or a sync last failed; zero when none did since
	// the storage was opened.
	FailedAt time.Time
}

var (
	// ErrUnavailable means that the storage cannot take a write now: a full
	// disk, an input or output error, or it is closing. Nothing was kept.
	ErrUnavailable = errors.New("the storage is unavailable")

	// ErrNotFound means that there is no such record.
	ErrNotFound = errors.New("no such record")

	// ErrConflict means that the record is not at the expected revision.
	ErrConflict = errors.New("the record has changed")

	// ErrCorrupt means that a record was found damaged.
	ErrCorrupt = errors.New("the record is damaged")

	// ErrPending means that an integration has pending events, or that one
	// event of a replay chain is pending.
	ErrPending = errors.New("there are pending events")

	// ErrReplayed means that an event has been replayed before.
	ErrReplayed = errors.New("the event has been replayed")

	// ErrNotPending means that the event cannot be claimed: it is not
	// pending, or somebody holds it.
	ErrNotPending = errors.New("the event is not pending")
)

// ID is an event's ID. Its bytes sort by the time of acceptance, and IDs of
// one storage never go backwards.
type ID [16]byte

// Identity is the random internal identity of an integration.
type Identity [16]byte

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
// has returned. All writes are durable when they return.
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
	// project "" it lists all projects. There may be fewer, lest they take too
	// much memory; none means that none follows.
	List(ctx context.Context, project string, after Place, limit int) ([]Integration, error)

	// SetLimits puts other limits in force, at once.
	SetLimits(limits IntegrationLimits)

	// Usage returns what a project has of what the limits bound, or all projects
	// together with project "".
	Usage(ctx context.Context, project string) (IntegrationUsage, error)
}

// Place is a position in a listing of integrations; its zero value is the
// start.
type Place struct {
	Project   string
	WebhookID string
}

// Status of an event.
type Status string

// The three states of an event.
const (
	Pending   Status = "pending"
	Delivered Status = "delivered"
	Failed    Status = "failed"
)

// Event is an accepted webhook request.
type Event struct {
	ID           ID
	Integration  Identity
	WebhookID    string
	Project      string
	Alias        string
	Provider     string
	Type         string
	DeliveryID   string
	ResourceType string
	ResourceID   string
	ReceivedAt   time.Time // in milliseconds, UTC
	Header       http.Header
	Body         []byte
}

// Resource is what an event's trigger acts on.
type Resource struct {
	Type string
	ID   string
}

// State is what has become of an event.
type State struct {
	Status Status
	// Due is when the next attempt may start.
	Due time.Time
	// Tries counts the attempts made, Attempts keeps the first and the
	// newest of them (at most MaxAttempts).
	Tries    int
	Attempts []Attempt
	// Requeued counts how often a failed event was queued again, and
	// QueuedTries the attempts that it had by then.
	Requeued    int
	QueuedTries int
	// QueuedAt is when the event was accepted or queued again.
	QueuedAt time.Time
	// Age is how long ago that was when the event was claimed; a jump of the
	// wall clock in between does not count. Other reads leave it out.
	Age time.Duration
	// Crashes counts the claims since the last result that ended without a
	// word: the process died.
	Crashes int
	// Progress is what the trigger saved.
	Progress []byte
}

// MaxAttempts bounds the attempts kept with an event; what comes between the
// first and the newest is dropped first.
const MaxAttempts = 64

// Attempt is the record of one attempt.
type Attempt struct {
	At         time.Time
	StatusCode int
	Error      string
	Detail     string
	Duration   time.Duration
}

// Record is an event with its state. Listings leave Header and Body out.
//
// An event, its replays and theirs are a chain. Its newest event stands for all
// of them.
type Record struct {
	Event
	State
	// ReplayOf is the event that this one replays; zero for a sender's own.
	ReplayOf ID
	// Newest is the newest event of the chain: the event itself when no replay
	// came after it.
	Newest ID
}

// Body is the body of a stored event. What Read returns is what was stored: after
// damage, or once the event is gone, it is an error.
type Body interface {
	io.ReadCloser
	// Size is how many bytes it has in all.
	Size() int64
}

// Replay is what a replay takes from its integration as that is now.
type Replay struct {
	Alias        string
	ResourceType string
	ResourceID   string
	// Once refuses an event that is not the newest of its chain.
	Once bool
}

// Dedupe says when a new event is a copy of an earlier one.
type Dedupe struct {
	// Key is a digest of what makes two requests the same within one
	// integration. A nil Key makes nothing a duplicate.
	Key []byte
	// Former is the key that an earlier version of the gateway gave such a request, or
	// nil: an event that has it is found as well.
	Former []byte
	// Window is how long after its receipt an event is remembered.
	Window time.Duration
	// Requeues is how often a failed event may be queued again by a
	// duplicate.
	Requeues int
}

// Outcome of Append.
type Outcome int

// What Append did.
const (
	Accepted  Outcome = iota // stored as a new event
	Duplicate                // an earlier event stands for it
	Requeued                 // the earlier event had failed and is queued again
)

// Ref is what a schedule holds of a pending event.
type Ref struct {
	ID           ID
	Integration  Identity
	WebhookID    string
	Project      string
	ResourceType string
	ResourceID   string
	Due          time.Time
	// Size is about how many bytes a claim of the event keeps in memory: those
	// of its headers and its body, and what little is stored with them.
	Size int64
}

// Counts of the events in the storage.
type Counts struct {
	Pending int
	Failed  int
	// OldestPending is the acceptance time of the oldest pending event; zero
	// without one.
	OldestPending time.Time
}

// Query selects events of one integration for a listing, newest first.
type Query struct {
	Status Status // "" selects all
	Before ID     // only older ones; the zero ID selects all
	Limit  int    // 1 and more
}

// Events is the event log. An integration's events belong to its identity.
type Events interface {
	// Append stores the event, unless dedupe finds that an earlier one
	// stands for it, and returns the ID of the event that stands. Of an event
	// that was replayed, the newest of the chain is the one that is queued
	// again, if it has failed; the ID is still that of the first. Append sets
	// event.ID and, when zero, event.ReceivedAt. What it says is durable when
	// it returns; to look for duplicates and to store are one atomic step. A
	// duplicate of an event that is still being written waits for it and
	// shares its fate. The storage keeps no reference to the event.
	//
	// For each of the further resources it stores another event, which differs
	// from the first in its ID and its resource alone, and which limits count as
	// one more: all of them or none, whenever the process or the power ends. From
	// then on each goes its own way. For copies they are one: the first stands for
	// them, and those of them that have failed, by the newest of their chains, are
	// queued again in one atomic step, which makes the outcome Requeued.
	Append(ctx context.Context, event *Event, dedupe Dedupe, further ...Resource) (ID, Outcome, error)

	// Replay stores a new event that has the headers, body, type, delivery ID
	// and provider of a stored one, received now, and returns its ID. It is no
	// duplicate of anything, and durable when Replay returns. While an event
	// of the chain is pending it is ErrPending, which is decided in one atomic
	// step with the storing; so is ErrReplayed. A body that cannot be read any
	// more is ErrCorrupt.
	Replay(ctx context.Context, integration Identity, id ID, replay Replay) (ID, error)

	// Watch calls fn for each pending event, first for those that are there,
	// then for each that is accepted or queued again, once it is durable. fn
	// must return quickly. A storage has one watcher at a time; stop ends it
	// and returns when fn is not called any more.
	Watch(fn func(Ref)) (stop func(), err error)

	// Claim leases a pending event for an attempt and returns it whole. The
	// claim is noted, so that a crash during the attempt is counted. Nobody
	// else can claim it until Finish, Release, or the end of the process.
	Claim(ctx context.Context, integration Identity, id ID) (*Record, error)

	// Save keeps the trigger's progress with a claimed event, durably.
	Save(ctx context.Context, integration Identity, id ID, progress []byte) error

	// Finish records the result of the attempt and ends the claim: status is
	// Pending (to be tried again at due), Delivered or Failed. The record may
	// become durable a little later: a crash before repeats the attempt.
	Finish(ctx context.Context, integration Identity, id ID, attempt Attempt, status Status, due time.Time) error

	// Release ends the claim without an attempt: the event stays pending.
	Release(ctx context.Context, integration Identity, id ID, due time.Time) error

	// Get returns one event, whole, or ErrNotFound.
	Get(ctx context.Context, integration Identity, id ID) (*Record, error)

	// Open is Get for somebody who takes the body bit by bit, and as slowly as he
	// likes: the record is without it. It takes the memory for all of an event
	// only while Open runs, if at all.
	Open(ctx context.Context, integration Identity, id ID) (*Record, Body, error)

	// List returns events of the integration. more says that older ones may
	// match; next is then where to go on. It may end before the limit, also when
	// records is empty, lest it take too long or too much memory.
	List(ctx context.Context, integration Identity, query Query) (records []Record, next ID, more bool, err error)

	// Counts returns what the status page shows.
	Counts() Counts

	// PendingOf counts the pending events of one integration.
	PendingOf(integration Identity) int

	// SetLimits puts other limits in force, at once.
	SetLimits(limits Limits)

	// Usage returns what the limits bound.
	Usage() Usage

	// Drop deletes all events of an integration, unless one of them is pending
	// and force is not set: then it is ErrPending, and nothing is deleted. When
	// it returns nil, no event of the integration can be claimed any more, nor
	// appended by who has looked the integration up before (ErrNotFound), and that
	// is durable. The storage need not know the identity for ever.
	Drop(ctx context.Context, integration Identity, force bool) error
}
