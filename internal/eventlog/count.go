package eventlog

import (
	"go.uber.org/zap"

	"github.com/hookgate/hookgate/internal/eventlog/state"
	"github.com/hookgate/hookgate/module/storage"
)

// countChunk is how many events a census counts between two looks at whether it
// shall go on.
const countChunk = 4096

// countIndexed counts what the index had at the start, beside the service, but for
// events that were in memory too: those were counted as they were there.
func (l *Log) countIndexed() {
	defer l.start.Close()
	var of *storage.Event // one of those that were counted and not included yet
	var found sums
	n := 0
	include := func() {
		if of != nil {
			l.mu.Lock()
			if _, gone := l.dropped[of.Integration]; !gone {
				l.tallies.include(of.Integration, of, &found)
			}
			l.mu.Unlock()
		}
		of, found, n = nil, sums{}, 0
	}
	stopped := false
	err := l.start.Ascend([]byte{eventKey}, func(key, value []byte) (bool, error) {
		identity, id, err := parseIDKey(key)
		if _, ok := l.recent[id]; ok || err != nil {
			return err == nil, err
		}
		if of != nil && of.Integration != identity || n == countChunk {
			include()
			if stopped = l.compactor.stopping(); stopped {
				return false, nil
			}
		}
		e, err := state.DecodeEvent(identity, id, value)
		if err != nil {
			return false, err
		}
		code, a := state.StatusCode(e.Status), amount{bytes: e.Place.Length}
		if code == state.DeliveredCode {
			a.events = 1 // the others are counted by their keys
		}
		found[code].add(a)
		of = &e.Event
		n++
		return true, nil
	})
	switch {
	case err != nil:
		l.Logger.Error("events cannot be counted; the limits on bytes and projects do not hold", zap.Error(l.indexFault(err)))
	case !stopped:
		include()
		l.mu.Lock()
		l.tallies.finish()
		l.mu.Unlock()
		l.compactor.survey()
	}
}
