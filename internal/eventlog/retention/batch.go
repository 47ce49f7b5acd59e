package retention

import (
	"github.com/hookgate/hookgate/internal/eventlog/state"
)

// batch sends commands to the writer a few hundred at a time: enough to share one
// sync, and few enough not to delay the events in the same group.
type batch struct {
	compactor *Compactor
	commands  []state.Command
	queued    Amount // of the events in commands
	size      int64
	compacted
}

const (
	batchCommands = 512
	batchBytes    = 1 << 20
)

// promised is what is purged, if what is queued is.
func (b *batch) promised() Amount {
	all := b.purged
	all.Add(b.queued)
	return all
}

func (b *batch) add(command state.Command, of Amount) error {
	b.commands = append(b.commands, command)
	b.queued.Add(of)
	if b.size += command.Bound(); len(b.commands) < batchCommands && b.size < batchBytes {
		return nil
	}
	return b.flush()
}

func (b *batch) flush() error {
	if len(b.commands) == 0 {
		return nil
	}
	err := b.compactor.Log.Do(b.commands, func(after *state.Event) {
		if after.Purged {
			b.purged.Add(AmountOf(after))
		} else {
			b.relocated.Add(AmountOf(after))
		}
	})
	clear(b.commands)
	b.commands, b.queued, b.size = b.commands[:0], Amount{}, 0
	return err
}
