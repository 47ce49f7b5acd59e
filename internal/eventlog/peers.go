package eventlog

import (
	"context"

	"github.com/hookgate/hookgate/module/storage"
)

// Peers implements storage.Events: one process has the log at a time.
func (l *Log) Peers() int { return 1 }

// GiveBack implements storage.Events: no other process has the log.
func (l *Log) GiveBack(context.Context, []storage.Ref, string) error { return storage.ErrNoPeer }
