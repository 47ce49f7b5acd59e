package eventlog

import (
	"errors"

	"github.com/hookgate/hookgate/internal/eventlog/journal"
	"github.com/hookgate/hookgate/internal/eventlog/retention"
	"github.com/hookgate/hookgate/internal/eventlog/state"
	"github.com/hookgate/hookgate/module/storage"
)

// compaction is the log as the compactor sees it: a retention.Log.
type compaction struct{ log *Log }

func (l *Log) newCompactor() *retention.Compactor {
	return retention.New(retention.Options{
		Log: compaction{l}, Journal: l.journal, Tallies: l.tallies, Lock: &l.mu, Limits: l.limits.Load, Age: l.clock.now,
		Logger: l.Logger, SegmentSize: l.SegmentSize, KeyID: l.Key.ID(),
	})
}

// Look implements retention.Log.
func (c compaction) Look(identity storage.Identity, id storage.ID) (*state.Event, state.Known, error) {
	e, known, err := c.log.look(identity, id)
	if err != nil || e.Key == "" {
		return e, known, err
	}
	of, err := c.log.lookEntry(state.DedupeKey{Integration: identity, Key: e.Key})
	if known.Event != nil {
		of.Generation = min(of.Generation, known.Generation)
		of.Event = known.Event
	}
	return e, of, err
}

// LookEntry implements retention.Log.
func (c compaction) LookEntry(key state.DedupeKey) (state.Known, error) { return c.log.lookEntry(key) }

// Do implements retention.Log.
func (c compaction) Do(commands []state.Command, done func(after *state.Event)) error {
	j := c.log.journal
	ops, calls := make([]*op, len(commands)), make([]*journal.Call, len(commands))
	for i, command := range commands {
		ops[i] = c.log.newOp(command)
		calls[i] = &ops[i].Call
	}
	if err := j.Queue(calls...); err != nil {
		return err
	}
	var fault error
	for _, o := range ops {
		err := j.Wait(&o.Call)
		switch {
		case err == nil && o.after != nil:
			done(o.after)
		case err != nil && fault == nil && !errors.Is(err, storage.ErrNotFound):
			fault = err
		}
	}
	return fault
}

// Tick implements retention.Log.
func (c compaction) Tick(ripe int64) error { return c.log.journal.Do(&c.log.newTick(ripe).Call) }

// Flush implements retention.Log.
func (c compaction) Flush(quit <-chan struct{}) error {
	reply := make(chan bool, 1)
	select {
	case c.log.flusher.asked <- reply:
	case <-quit:
		return retention.ErrStopped
	}
	select {
	case ok := <-reply:
		if !ok {
			return errors.New("the event index cannot keep up with the log")
		}
		return nil
	case <-quit:
		return retention.ErrStopped
	}
}

// Walk implements retention.Log.
func (c compaction) Walk(identity storage.Identity, failed bool, fn func(id storage.ID, pending bool) (bool, error)) error {
	prefix := byte(eventKey)
	if failed {
		prefix = failedKey
	}
	view := c.log.index.View()
	defer view.Close()
	return view.Ascend(identityKey(prefix, identity), func(key, value []byte) (bool, error) {
		_, id, err := parseIDKey(key)
		if err != nil {
			return false, err
		}
		return fn(id, !failed && len(value) > state.StatusAt && value[state.StatusAt] == state.PendingCode)
	})
}

// WalkAll implements retention.Log.
func (c compaction) WalkAll(fn func(*state.Event) (bool, error)) error {
	view := c.log.index.View()
	defer view.Close()
	return view.Ascend([]byte{eventKey}, func(key, value []byte) (bool, error) {
		identity, id, err := parseIDKey(key)
		if err != nil {
			return false, err
		}
		e, err := state.DecodeEvent(identity, id, value)
		if err != nil {
			return false, err
		}
		return fn(e)
	})
}

// Damaged implements retention.Log.
func (c compaction) Damaged() { c.log.lost.Store(true) }

// LookAtClock implements retention.Log.
func (c compaction) LookAtClock() { c.log.clock.look() }

// Noted implements retention.Log.
func (c compaction) Noted() int64 { return c.log.noted.Load() }

// IndexBytes implements retention.Log.
func (c compaction) IndexBytes() int64 { return c.log.indexBytes.Load() }

// Low implements retention.Log.
func (c compaction) Low() bool { return c.log.space.low() }
