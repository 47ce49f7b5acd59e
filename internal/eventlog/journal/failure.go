package journal

import (
	"errors"

	"go.uber.org/zap"

	"github.com/hookgate/hookgate/internal/eventlog/segment"
)

// abandon gives the segment up at the last offset that is surely durable: after
// a failed sync nobody knows what is on the disk, so nothing is written behind
// it any more.
func (w *writer) abandon(cause error) {
	if w.file != nil {
		cause = errors.Join(cause, w.file.Close())
		w.file = nil
	}
	w.owedBytes = 0
	now := w.j.Now()
	w.j.failing.Store(true)
	w.j.failedAt.Store(&now)
	w.retryIn = min(max(2*w.retryIn, w.j.RetryMin), w.j.RetryMax)
	w.retryAt = now.Add(w.retryIn)
	w.j.Logger.Error("the event log cannot be written; events are refused until it can",
		zap.Error(cause), zap.Duration("retry_in", w.retryIn))
}

// revive goes on in a new segment after a failure, once it is time.
func (w *writer) revive() {
	if w.j.Now().Before(w.retryAt) {
		return
	}
	w.commit() // what needs no record
	room := int64(segment.Overhead)
	for i := range w.owed {
		room += w.owed[i].Bound() + segment.Overhead
	}
	err := w.activate(room)
	if err == nil && len(w.owed) > 0 {
		for i := range w.owed {
			w.write(w.owed[i])
		}
		w.mustSync = true
		err = w.flush()
	}
	w.reset()
	if err != nil {
		w.abandon(err)
		return
	}
	w.retryIn = 0
	w.j.failing.Store(false)
	w.j.Logger.Info("the event log can be written again")
}
