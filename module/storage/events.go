package storage

import (
	"context"
	"time"
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

// Watcher is told which pending events are this process's to attempt. Its
// functions must return quickly.
type Watcher struct {
	// Pending is called for each of them.
	Pending func(Ref)
	// Lost is called when the session is lost: none of the earlier events is this
	// process's any more, claimed or not. Attempts under way are to be cut, and
	// what is told of their claims is refused. Once it has returned a new session
	// may begin, and Pending starts from the beginning.
	Lost func()
}

// Counts of the events in the storage, by whichever process they were accepted.
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
	// With event.Revision it is ErrStale when a Put of a later revision under
	// event.WebhookID returned, in whichever process, before Append was called.
	// A lost session appends nothing, and replays nothing: that is ErrUnavailable.
	// When ctx ends while it is not known whether the event is kept, it is
	// ErrUncertain, unless the storage waits for the answer all the same.
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

	// Watch tells of each pending event that is this process's to attempt, first
	// of those that are there, then of each that it accepts, queues again or takes
	// over from a session that has ended, once that is durable. A process has one
	// watcher at a time; stop ends it and returns when it is not called any more.
	Watch(watcher Watcher) (stop func(), err error)

	// GiveBack gives pending events that this process was told of, and has not
	// claimed, to others: one of them is told of each, or this one again when no
	// other is left to take it. why is a word for the status, such as unserved.
	// After an error they are this process's still; it is ErrNoPeer where there is
	// nobody to give them to.
	GiveBack(ctx context.Context, refs []Ref, why string) error

	// Peers counts the live processes that share the storage, this one included:
	// 1 where nobody can.
	Peers() int

	// Claim leases a pending event for an attempt and returns it whole. The
	// claim is noted, so that a crash during the attempt is counted. Nobody
	// else can claim it until Finish, Release, or the end of the session.
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

	// Counts returns what the status page shows. What others hold may be as it was
	// a second ago, here and in PendingOf; what this process holds is counted.
	Counts() Counts

	// PendingOf counts the pending events of one integration.
	PendingOf(integration Identity) int

	// Drop deletes all events of an integration, unless one of them is pending
	// and force is not set: then it is ErrPending, and nothing is deleted. When
	// it returns nil, no event of the integration can be claimed any more, nor
	// appended by who has looked the integration up before (ErrNotFound), and that
	// is durable. The storage need not know the identity for ever.
	Drop(ctx context.Context, integration Identity, force bool) error

	// Dropped reports whether the integration was dropped, by whichever process
	// and however long ago. It is false while the integration has a pending event;
	// of one that has none it may be true.
	Dropped(integration Identity) bool
}
