package eventlog

import (
	"time"

	"github.com/hookgate/hookgate/module/storage"
)

// tallies counts the events of each integration by what has become of them.
type tallies struct {
	of              map[storage.Identity]*tally
	pending, failed int
}

// tally is of one integration. Pending events are counted by the second of
// their acceptance: that is how exactly the oldest one is known, at a few bytes
// for a second instead of some for each event.
type tally struct {
	pending, failed int
	seconds         map[int64]int
	oldest          int64 // a lower bound while known is true
	known           bool
}

func newTallies() *tallies {
	return &tallies{of: make(map[storage.Identity]*tally)}
}

// move counts an event that goes from one status to another, "" for none.
func (t *tallies) move(identity storage.Identity, id storage.ID, from, to storage.Status) {
	if from == to {
		return
	}
	of := t.of[identity]
	if of == nil {
		of = &tally{seconds: make(map[int64]int)}
		t.of[identity] = of
	}
	t.add(of, id, from, -1)
	t.add(of, id, to, 1)
	if of.pending == 0 && of.failed == 0 {
		delete(t.of, identity)
	}
}

func (t *tallies) add(of *tally, id storage.ID, status storage.Status, n int) {
	switch status {
	case storage.Failed:
		of.failed += n
		t.failed += n
	case storage.Pending:
		of.pending += n
		t.pending += n
		second := idMillis(id) / 1000
		of.seconds[second] += n
		if of.seconds[second] == 0 {
			delete(of.seconds, second)
			of.known = of.known && of.oldest != second
		} else if of.known {
			of.oldest = min(of.oldest, second)
		}
	}
}

// drop forgets an integration.
func (t *tallies) drop(identity storage.Identity) {
	if of := t.of[identity]; of != nil {
		t.pending -= of.pending
		t.failed -= of.failed
		delete(t.of, identity)
	}
}

func (t *tallies) pendingOf(identity storage.Identity) int {
	if of := t.of[identity]; of != nil {
		return of.pending
	}
	return 0
}

func (t *tallies) counts() storage.Counts {
	counts := storage.Counts{Pending: t.pending, Failed: t.failed}
	for _, of := range t.of {
		if of.pending == 0 {
			continue
		}
		if at := time.Unix(of.first(), 0).UTC(); counts.OldestPending.IsZero() || at.Before(counts.OldestPending) {
			counts.OldestPending = at
		}
	}
	return counts
}

// first is the second of the oldest pending event.
func (t *tally) first() int64 {
	if !t.known {
		first := true
		for second := range t.seconds {
			if first || second < t.oldest {
				t.oldest, first = second, false
			}
		}
		t.known = true
	}
	return t.oldest
}
