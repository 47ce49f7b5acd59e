package dispatch

import (
	"bytes"
	"slices"
	"time"

	"github.com/hookgate/hookgate/module/storage"
)

// item is a pending event in the schedule. There may be millions: it takes
// 24 bytes and holds no pointer.
type item struct {
	id   storage.ID
	size uint32 // in bytes; the largest number stands for anything above it, too
	// queued is when the event was accepted or queued again, as far as the
	// schedule knows, in seconds since its start; negative for before.
	queued int32
}

// before orders items by ID, that is, by acceptance.
func (a item) before(b item) bool { return bytes.Compare(a.id[:], b.id[:]) < 0 }

// fifo is a first in, first out queue.
type fifo[T any] []T

func (q *fifo[T]) push(v T) { *q = append(*q, v) }

func (q *fifo[T]) pop() T {
	v := (*q)[0]
	if len(*q) == 1 {
		*q = nil // let go of the array
		return v
	}
	clear((*q)[:1])
	*q = (*q)[1:]
	return v
}

// delayed is an event that waits for its time.
type delayed struct {
	due  time.Duration // since the schedule's start
	lane *lane
	item item
}

func (a delayed) before(b delayed) bool { return a.due < b.due }

// ordered is what a heap holds.
type ordered[T any] interface{ before(T) bool }

var (
	_ ordered[item]    = item{}
	_ ordered[delayed] = delayed{}
)

// heap is a binary heap: what is before all others is the first element. Any
// sorted slice is one. The standard library's would allocate for each push.
type heap[T ordered[T]] []T

func (h *heap[T]) push(v T) {
	s := append(*h, v)
	for child := len(s) - 1; child > 0; {
		parent := (child - 1) / 2
		if !s[child].before(s[parent]) {
			break
		}
		s[parent], s[child] = s[child], s[parent]
		child = parent
	}
	*h = s
}

func (h *heap[T]) pop() T {
	s := *h
	first, last := s[0], len(s)-1
	s[0] = s[last]
	clear(s[last:])
	s = s[:last]
	for parent := 0; ; {
		child := 2*parent + 1
		if child >= len(s) {
			break
		}
		if child+1 < len(s) && s[child+1].before(s[child]) {
			child++
		}
		if !s[child].before(s[parent]) {
			break
		}
		s[parent], s[child] = s[child], s[parent]
		parent = child
	}
	if len(s) < cap(s)/4 && cap(s) > 64 {
		s = slices.Clone(s) // give memory back after a backlog
	}
	*h = s
	return first
}
