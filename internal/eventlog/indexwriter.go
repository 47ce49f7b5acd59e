package eventlog

import (
	"fmt"

	"github.com/hookgate/hookgate/internal/eventlog/index"
	"github.com/hookgate/hookgate/internal/eventlog/state"
	"github.com/hookgate/hookgate/module/storage"
)

// write writes a memtable to the index, and then the watermark. Doing it twice
// does no harm.
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
