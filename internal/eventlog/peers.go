package eventlog

import (
	"context"

	"github.com/hookgate/hookgate/module/storage"
)

// Peers implements storage.Events: one process has the log at a time.
func (l *Log) Peers() int { return 1 }

// GiveBack implements storage.Events: there is nobody to give events to.
func (l *Log) GiveBack(context.Context, []storage.Ref, string) error { return storage.ErrNoPeer }
