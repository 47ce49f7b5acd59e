package eventlog

import (
	"go.uber.org/zap"

	"github.com/hookgate/hookgate/internal/eventlog/retention"
	"github.com/hookgate/hookgate/internal/eventlog/state"
	"github.com/hookgate/hookgate/module/storage"
)

// countChunk is how many events are counted between two looks at whether to
// go on.
const countChunk = 4096

// countIndexed counts what the index had at the start, beside the service, but for
// events that were in memory too: those were counted as they were there.
func (l *Log) countIndexed() {
	defer l.start.Close()
	var of *storage.Event // one of those that were counted and not included yet
	var found retention.Sums
	n := 0
	include := func() {
		if of != nil {
			l.mu.Lock()
			if _, gone := l.dropped[of.Integration]; !gone {
				l.tallies.Include(of.Integration, of, &found)
			}
			l.mu.Unlock()
		}
		of, found, n = nil, retention.Sums{}, 0
	}
	stopped := false
	err := l.start.Ascend([]byte{eventKey}, func(key, value []byte) (bool, error) {
		identity, id, err := parseIDKey(key)
		if _, ok := l.recent[id]; ok || err != nil {
			return err == nil, err
		}
		if of != nil && of.Integration != identity || n == countChunk {
			include()
			if stopped = l.compactor.Stopping(); stopped {
				return false, nil
			}
		}
		e, err := state.DecodeEvent(identity, id, value)
		if err != nil {
			return false, err
		}
		code, a := state.StatusCode(e.Status), retention.Amount{Bytes: e.Place.Length}
		if code == state.DeliveredCode {
			a.Events = 1 // the others are counted by their keys
		}
		found[code].Add(a)
		of = &e.Event
		n++
		return true, nil
	})
	switch {
	case err != nil:
		l.Logger.Error("events cannot be counted; the limits on bytes and projects are not enforced", zap.Error(l.indexFault(err)))
	case !stopped:
		include()
		l.mu.Lock()
		l.tallies.Finish()
		l.mu.Unlock()
		l.compactor.Survey()
	}
}
