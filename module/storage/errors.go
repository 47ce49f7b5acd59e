package storage

import (
	"errors"
	"fmt"
)

var (
	// ErrUnavailable means that the storage cannot do what it is asked for now: a
	// full disk, an input or output error, no connection, or it is closing. Of a
	// write nothing is promised.
	ErrUnavailable = errors.New("the storage is unavailable")

	// ErrUncertain is an ErrUnavailable of a write that may have been made all the
	// same: the answer did not come in time. An event that was kept is dispatched
	// as any other, and its sender's next try finds it as a duplicate.
	ErrUncertain = fmt.Errorf("%w: whether it was kept is not known", ErrUnavailable)

	// ErrStale means that the integration has changed since the request was
	// authenticated: nothing was kept.
	ErrStale = errors.New("the integration has changed")

	// ErrNotFound means that the record does not exist.
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

	// ErrNotPending means that the event cannot be claimed, or is not claimed: it
	// is not pending, somebody holds it, or it is not this session's.
	ErrNotPending = errors.New("the event is not pending")

	// ErrNoPeer means that no other process shares the storage.
	ErrNoPeer = errors.New("no other process shares the storage")
)
