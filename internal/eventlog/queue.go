package eventlog

import (
	"runtime"
	"sync"

	"github.com/hookgate/hookgate/module/storage"
)

// op is what a caller wants written. The caller waits on done; until then the
// op and all it points to belong to the writer.
type op struct {
	record  record
	dedupe  storage.Dedupe // accepted, acceptedAll
	force   bool           // dropped: pending events as well
	swap    bool           // no record: hand the memtable to the flusher
	always  bool           // swap: also when nothing has changed
	ripe    int64          // clocked: how old a segment may be that has anything
	from    place          // kept, relocatedAll: where the event was found
	policy  policy         // kept, purged
	again   bool           // purged: once more, for the record's segment goes
	known   prefetched
	entry   *entry // purged: what becomes of its dedupe key, if anything
	once    bool   // replayed: only the newest of a chain
	outcome storage.Outcome
	stands  storage.ID // accepted, acceptedAll: what is answered
	rest    []change   // requeuedAll, relocatedAll: what the record's others happens to
	sharing []sharing  // relocatedAll: what may be kept
	event   *event     // after it, where there is one
	mark    watermark
	swapped bool
	err     error
	done    chan struct{}
}

// sharing is one of several events in one record.
type sharing struct {
	id    storage.ID
	known prefetched
}

// entry is what a dedupe key shall lead to.
type entry struct {
	name copyName
	copyOf
}

// prefetched is what the caller read from the index before it queued: it spares
// the writer the disk. It pins for one generation of the index.
type prefetched struct {
	generation uint64
	event      *event
	copy       copyOf
	copied     bool
}

// lazy says whether the caller need not wait for a sync: a process crash does
// not undo the record, and a power cut only repeats an attempt, or a purge.
func (o *op) lazy() bool {
	switch o.record.kind {
	case claimed, finished, released, purged, clocked:
		return true
	}
	return false
}

var ops = sync.Pool{New: func() any { return &op{done: make(chan struct{}, 1)} }}

func newOp() *op { return ops.Get().(*op) }

// free gives the op back.
func (o *op) free() {
	*o = op{done: o.done}
	ops.Put(o)
}

// queue is where callers and the writer meet. Its length is bounded by the
// callers: each waits for what it queued.
type queue struct {
	mu     sync.Mutex
	ops    []*op
	closed bool
	wake   chan struct{}
}

func newQueue() *queue { return &queue{wake: make(chan struct{}, 1)} }

// put says whether the op was queued.
func (q *queue) put(o *op) bool {
	q.mu.Lock()
	if q.closed {
		q.mu.Unlock()
		return false
	}
	q.ops = append(q.ops, o)
	first := len(q.ops) == 1
	q.mu.Unlock()
	if first {
		select {
		case q.wake <- struct{}{}:
		default:
		}
	}
	return true
}

// take waits for ops and returns them all; nil means that the queue is closed
// and empty. spare is used for what comes next. idle is called when there is
// nothing to take at first. The goroutines that are ready to run come first: what
// they queue goes into the same group, and the fewer groups, the fewer syncs.
func (q *queue) take(spare []*op, idle func()) []*op {
	for {
		if q.empty() {
			idle()
		}
		runtime.Gosched()
		q.mu.Lock()
		taken, closed := q.ops, q.closed
		if len(taken) > 0 {
			clear(spare[:cap(spare)])
			q.ops = spare[:0]
		}
		q.mu.Unlock()
		if len(taken) > 0 {
			return taken
		}
		if closed {
			return nil
		}
		<-q.wake
	}
}

func (q *queue) empty() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.ops) == 0
}

// close refuses further ops. What is queued is still taken.
func (q *queue) close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	select {
	case q.wake <- struct{}{}:
	default:
	}
}
