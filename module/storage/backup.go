package storage

import (
	"context"
	"errors"
	"io"
	"time"
)

// ErrBusy means that the storage does already what it does once at a time.
var ErrBusy = errors.New("the storage is busy")

// Backuper is a Backend that can be copied while it is used. To be one is
// optional.
type Backuper interface {
	// Backup writes a backup of all integrations and events that were
	// acknowledged before the call, in a form that the Restorer of the same
	// module reads. Nothing confidential in it can be read without the
	// storage's key. After an error, what was written is no backup. While
	// another one is being written it is ErrBusy.
	Backup(ctx context.Context, w io.Writer) error
}

// Restorer is a Storage that can be made of a backup. To be one is optional.
type Restorer interface {
	// Restore makes the storage, where there must be none, of a backup. It is
	// complete and durable when Restore returns nil; after an error nothing is
	// there.
	Restore(ctx context.Context, r io.Reader) (Restored, error)
}

// Restored says what a backup held.
type Restored struct {
	Created      time.Time // when the backup was begun
	Integrations int       // that are not deleted
	Pending      int       // events
	Failed       int
	// Damaged says that the storage was damaged when the backup was made:
	// opening it reports what is lost.
	Damaged bool
}

// Keyed is a Backend that seals what it keeps with keys that can be exchanged.
// To be one is optional.
type Keyed interface {
	// Keys returns the keys that the storage was given: first the one that
	// seals, then those that it has replaced.
	Keys() ([]Key, error)
}

// Key is the name of a key.
type Key struct {
	ID string
	// Needed says that something is sealed with it that is still kept.
	Needed bool
	// Bytes are those of the events that it has sealed.
	Bytes int64
}

// KeyRotator is a Storage that keeps a key of its own and can exchange it. To
// be one is optional.
type KeyRotator interface {
	// RotateKey puts a new key in front of the storage's own; it seals from
	// the next opening on. It returns where the keys are kept and the new
	// one's name.
	RotateKey() (path, id string, err error)
}
