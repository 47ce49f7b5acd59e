package dispatch

import (
	"slices"
	"time"

	"github.com/hookgate/hookgate/module/storage"
)

// item is a pending event in the schedule. There may be millions: it takes
// 20 bytes and holds no pointer.
type item struct {
	id storage.ID
	// queued is when the event was accepted or queued again, as far as the
	// schedule knows, in seconds since its start; negative for before.
	queued int32
}

// queue is a first in, first out queue.
type queue[T any] []T

func (q *queue[T]) push(v T) { *q = append(*q, v) }

func (q *queue[T]) pop() T {
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

// delays is a binary heap of events by due time. container/heap would
// allocate for each of them.
type delays []delayed

func (h *delays) push(d delayed) {
	*h = append(*h, d)
	s := *h
	for child := len(s) - 1; child > 0; {
		parent := (child - 1) / 2
		if s[parent].due <= s[child].due {
			return
		}
		s[parent], s[child] = s[child], s[parent]
		child = parent
	}
}

func (h *delays) pop() delayed {
	s := *h
	first := s[0]
	last := len(s) - 1
	s[0] = s[last]
	s[last] = delayed{}
	s = s[:last]
	for parent := 0; ; {
		child := 2*parent + 1
		if child >= len(s) {
			break
		}
		if child+1 < len(s) && s[child+1].due < s[child].due {
			child++
		}
		if s[parent].due <= s[child].due {
			break
		}
		s[parent], s[child] = s[child], s[parent]
		parent = child
	}
	if cap(s) > 1024 && len(s) < cap(s)/4 {
		s = slices.Clone(s) // give memory back after a large backlog
	}
	*h = s
	return first
}
