package eventlog

import (
	"runtime"
	"sync"

	"github.com/hookgate/hookgate/internal/eventlog/state"
)

// op is a command on its way. The caller waits on done; until then the op and all
// it points to belong to the writer.
type op struct {
	command  state.Command
	decision state.Decision
	after    *state.Event // the first event of the record after it

	tick   *state.Clocked // the record of a command that notes the clock
	ripe   int64          // with it: how old a segment may be that has anything
	flush  bool           // no command: hand the memtable to the flusher
	always bool           // with it: also when nothing has changed
	mark   watermark
	frozen bool

	err  error
	done chan struct{}
}

func newOp(command state.Command) *op {
	return &op{command: command, done: make(chan struct{}, 1)}
}

// tickOp has the clock noted, or another segment begun when this one is so old and
// has anything.
func tickOp(ripe int64) *op {
	clocked := &state.Clocked{}
	o := newOp(&state.Note{Record: clocked})
	o.tick, o.ripe = clocked, ripe
	return o
}

// appendOp is the op of an append with its command: the two live together.
type appendOp struct {
	op
	state.Append
}

var appendOps = sync.Pool{New: func() any {
	a := &appendOp{op: op{done: make(chan struct{}, 1)}}
	a.command = &a.Append
	return a
}}

// free gives the op back.
func (a *appendOp) free() {
	a.Append = state.Append{}
	a.op = op{command: &a.Append, done: a.done}
	appendOps.Put(a)
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
