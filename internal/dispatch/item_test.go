package dispatch

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestHeap(t *testing.T) {
	var h heap[delayed]
	var got, want []time.Duration
	for range 10_000 {
		if rand.IntN(3) > 0 || len(h) == 0 {
			due := time.Duration(rand.IntN(1000))
			h.push(delayed{due: due})
			want = append(want, due)
			continue
		}
		slices.Sort(want)
		if due := h.pop().due; due != want[0] {
			t.Fatalf("got %v, want %v", due, want[0])
		}
		want = want[1:]
	}
	for len(h) > 0 {
		got = append(got, h.pop().due)
	}
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Error("the rest came out of order")
	}
	if cap(h) > 64 {
		t.Errorf("an empty heap keeps room for %d", cap(h))
	}
}

func TestQueue(t *testing.T) {
	var q fifo[int]
	next := 0
	for n := range 1000 {
		q.push(n)
		if n%3 == 0 {
			if got := q.pop(); got != next {
				t.Fatalf("got %d, want %d", got, next)
			}
			next++
		}
	}
	for ; len(q) > 0; next++ {
		if got := q.pop(); got != next {
			t.Fatalf("got %d, want %d", got, next)
		}
	}
	if next != 1000 || q != nil {
		t.Errorf("%d came out, room for %d is kept", next, cap(q))
	}
}
