package eventlog

import (
	"time"

	"go.uber.org/zap"

	"github.com/hookgate/hookgate/internal/eventlog/journal"
	"github.com/hookgate/hookgate/internal/eventlog/state"
	"github.com/hookgate/hookgate/module/storage"
)

// flusher is the goroutine that moves the memtable to the index, every now and
// then, and deletes what was dropped.
type flusher struct {
	log    *Log
	kick   chan struct{}
	asked  chan chan<- bool // to flush now; the answer is whether that was done
	quit   chan struct{}
	done   chan struct{}
	purges []storage.Identity // dropped, and still in the index
	gone   []gone             // dropped, and not in it any more; the oldest first
}

func newFlusher(l *Log) *flusher {
	return &flusher{log: l, kick: make(chan struct{}, 1), asked: make(chan chan<- bool), quit: make(chan struct{}), done: make(chan struct{})}
}

func (x *flusher) run() {
	defer close(x.done)
	ticker := time.NewTicker(x.log.FlushEvery)
	defer ticker.Stop()
	for {
		select {
		case <-x.quit:
			x.end()
			return
		case <-ticker.C:
		case <-x.kick:
		case reply := <-x.asked:
			reply <- x.flush(true)
			continue
		}
		x.flush(false)
		x.purge()
		x.forget()
	}
}

// hurry starts a flush now.
func (x *flusher) hurry() {
	select {
	case x.kick <- struct{}{}:
	default:
	}
}

// stop ends the flusher after a last flush.
func (x *flusher) stop() {
	close(x.quit)
	<-x.done
}

// end writes what a clean end leaves behind: no claim, and an index that is
// not behind.
func (x *flusher) end() {
	l := x.log
	l.mu.Lock()
	held := make(map[storage.ID]storage.Identity, len(l.claims))
	for id, identity := range l.claims {
		held[id] = identity
	}
	l.mu.Unlock()
	for id, identity := range held {
		due := l.now()
		if e, _, err := l.look(identity, id); err == nil {
			due = e.Due
		}
		x.submit(&state.Release{Subject: state.Subject{Of: identity, ID: id}, Due: due})
	}
	x.submit(&state.Note{Record: &state.Closed{}})
	x.flush(true)
}

// submit runs the command if it still can; the next start deals with a failure.
func (x *flusher) submit(command state.Command) { _ = x.log.journal.Do(&x.log.newOp(command).Call) }

// flush takes the memtable from the writer and writes it to the index, and reports
// whether the index has all that the log had by then. Without a change nothing is
// written, unless always is set, which writes the watermark alone.
func (x *flusher) flush(always bool) bool {
	l := x.log
	var mark watermark
	frozen := false
	l.journal.Barrier(func(at journal.Mark) {
		mark = watermark{Mark: at, lastID: l.machine.base.ids.last, note: l.clock.note()}
		frozen = l.freeze(always)
	})
	if !frozen {
		return false
	}
	for {
		err := l.write(l.flushing, mark)
		if err == nil {
			l.flushed()
			return true
		}
		l.Logger.Warn("the event index cannot keep up with the log", zap.Error(err))
		if !x.pause() {
			return false // the next start follows
		}
	}
}

// pause waits before another try; false means that there is none.
func (x *flusher) pause() bool {
	timer := time.NewTimer(max(time.Second, x.log.FlushEvery))
	defer timer.Stop()
	select {
	case <-x.quit:
		return false
	case <-timer.C:
		return true
	}
}
