package journal

import (
	"runtime"
	"sync"
)

// queue is where callers and the writer meet. Its length is bounded by the
// callers: each waits for what it queued.
type queue struct {
	mu     sync.Mutex
	calls  []*Call
	closed bool
	wake   chan struct{}
}

func newQueue() *queue { return &queue{wake: make(chan struct{}, 1)} }

// put reports whether the calls were queued.
func (q *queue) put(calls []*Call) bool {
	q.mu.Lock()
	if q.closed {
		q.mu.Unlock()
		return false
	}
	first := len(q.calls) == 0
	q.calls = append(q.calls, calls...)
	q.mu.Unlock()
	if first {
		q.signal()
	}
	return true
}

// putOne is put for one.
func (q *queue) putOne(c *Call) bool {
	q.mu.Lock()
	if q.closed {
		q.mu.Unlock()
		return false
	}
	q.calls = append(q.calls, c)
	first := len(q.calls) == 1
	q.mu.Unlock()
	if first {
		q.signal()
	}
	return true
}

func (q *queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// take waits for calls and returns them all; nil means that the queue is closed
// and empty. spare is used for what comes next. idle is called when there is
// nothing to take at first. The goroutines that are ready to run come first: what
// they queue goes into the same group, and the fewer groups, the fewer syncs.
func (q *queue) take(spare []*Call, idle func()) []*Call {
	for {
		if q.length() == 0 {
			idle()
		}
		runtime.Gosched()
		q.mu.Lock()
		taken, closed := q.calls, q.closed
		if len(taken) > 0 {
			clear(spare[:cap(spare)])
			q.calls = spare[:0]
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

func (q *queue) length() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.calls)
}

// close refuses further calls. What is queued is still taken.
func (q *queue) close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.signal()
}
