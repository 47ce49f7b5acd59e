package eventlog

import (
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/hookgate/hookgate/internal/eventlog/index"
	"github.com/hookgate/hookgate/internal/eventlog/journal"
	"github.com/hookgate/hookgate/internal/eventlog/state"
	"github.com/hookgate/hookgate/module/storage"
)

// flusher is the goroutine that moves the memtable to the index, every now and
// then, and deletes what was dropped.
type flusher struct {
	log    *Log
	kick   chan struct{}
	asked  chan chan<- bool // to follow now, and to say whether the index has
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

// hurry has the index follow now.
func (x *flusher) hurry() {
	select {
	case x.kick <- struct{}{}:
	default:
	}
}

// stop ends the flusher, after it has followed once more.
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

// submit does what can still be done: an error is for the next start.
func (x *flusher) submit(command state.Command) { _ = x.log.journal.Do(&x.log.newOp(command).Call) }

// flush takes the memtable from the writer and writes it to the index, and says
// whether the index has all that the log had by then. Without a change there is
// nothing to write, unless how far the log is shall be noted always.
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
		l.Logger.Warn("the event index cannot follow the log", zap.Error(err))
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

// write moves an memtable to the index, and after it how far the log is in
// there. Doing it twice does no harm.
func (l *Log) write(o *state.Memtable, mark watermark) error {
	w := indexWriter{log: l}
	for identity, of := range o.Events {
		if l.isDropped(identity) {
			continue
		}
		for _, c := range of {
			w.event(c, o.Doubted)
		}
	}
	for key, entry := range o.Entries {
		if !l.isDropped(key.Integration) {
			if at := w.keep(appendDedupeKey(w.free(), key)); entry == (state.DedupeEntry{}) {
				w.delete(at)
			} else {
				l.dedupe.add(key)
				w.set(at, w.keep(entry.Append(w.free())), entry.Purged)
			}
		}
	}
	for identity := range o.Dropped {
		w.set(identityKey(droppedKey, identity), nil, false)
		l.flusher.purges = append(l.flusher.purges, identity)
	}
	w.commit()
	w.set([]byte{watermarkKey}, mark.append(nil), true)
	w.commit()
	l.indexBytes.Store(l.indexSize())
	return w.err
}

// indexWriter writes chunk by chunk, until there is an error or too little
// space.
type indexWriter struct {
	log     *Log
	batch   *index.Batch // nil when nothing is to be written
	scratch []byte       // where keys and values are, which the batch does not copy
	err     error
}

// free is where the next key or value is appended, and keep takes it. No byte is
// used twice.
func (w *indexWriter) free() []byte { return w.scratch[len(w.scratch):] }

func (w *indexWriter) keep(appended []byte) []byte {
	if n := len(w.scratch) + len(appended); n <= cap(w.scratch) {
		w.scratch = w.scratch[:n]
	} else {
		w.scratch = make([]byte, 0, scratchSize)
	}
	return appended[:len(appended):len(appended)]
}

const scratchSize = 256 << 10

// event writes an event and what leads to it, as far as it has changed, or all of
// that when it is doubted. The event comes first, and when it is purged it goes
// last: what leads to one is never there without it.
func (w *indexWriter) event(c state.Change, doubted bool) {
	now, base := c.Now, c.Indexed
	key := func(prefix byte) []byte {
		return w.keep(appendIDKey(w.free(), prefix, now.Integration, now.ID))
	}
	if !now.Purged {
		w.set(key(eventKey), w.keep(now.Append(w.free())), base != nil)
	}
	for _, mark := range marks {
		switch {
		case !now.Purged && mark.holds(now):
			w.set(key(mark.prefix), w.keep(mark.value(w.free(), now)), base != nil && mark.holds(base))
		case doubted, base != nil && mark.holds(base):
			w.delete(key(mark.prefix))
		}
	}
	if now.Purged && (doubted || base != nil) {
		w.delete(key(eventKey))
	}
}

// marks are the keys by which events of one kind are found without a look at
// the others.
var marks = []struct {
	prefix byte
	holds  func(*state.Event) bool
	value  func(buf []byte, e *state.Event) []byte
}{
	{pendingKey, func(e *state.Event) bool { return e.Status == storage.Pending }, func(buf []byte, e *state.Event) []byte { return appendRef(buf, e.Ref()) }},
	{failedKey, func(e *state.Event) bool { return e.Status == storage.Failed }, noValue},
	{claimKey, func(e *state.Event) bool { return e.Claimed }, noValue},
}

func noValue(buf []byte, _ *state.Event) []byte { return buf }

// set writes a key. again says that the index has it already.
func (w *indexWriter) set(key, value []byte, again bool) {
	if w.ready() {
		w.err = w.batch.Set(key, value, again)
	}
}

func (w *indexWriter) delete(key []byte) {
	if w.ready() {
		w.batch.Delete(key)
	}
}

// ready makes sure of a batch with room.
func (w *indexWriter) ready() bool {
	if w.batch != nil && w.batch.Size() >= w.log.chunk {
		w.commit()
	}
	if w.err == nil && w.batch == nil {
		if w.err = w.log.space.need(indexFloor); w.err == nil {
			w.batch = w.log.index.Batch()
		}
	}
	return w.err == nil
}

func (w *indexWriter) commit() {
	if w.batch == nil {
		return
	}
	if w.err != nil {
		w.batch.Cancel()
	} else if err := w.batch.Commit(); err != nil {
		w.err = fmt.Errorf("%w: %w", storage.ErrUnavailable, err)
	}
	w.batch = nil
}
