package eventlog

import (
	"time"

	"github.com/hookgate/hookgate/internal/eventlog/state"
	"github.com/hookgate/hookgate/module/storage"
)

// amount is a number of events and the bytes that they take in the log.
type amount struct {
	events int
	bytes  int64
}

func (a *amount) add(b amount) {
	a.events += b.events
	a.bytes += b.bytes
}

// amountOf is what an event counts for.
func amountOf(e *state.Event) amount { return amount{events: 1, bytes: e.Place.Length} }

func (a amount) negative() amount { return amount{-a.events, -a.bytes} }

// sums are amounts by the code of a status.
type sums [state.Statuses]amount

func (s *sums) add(other *sums) {
	for i := range s {
		s[i].add(other[i])
	}
}

func (s *sums) total() (all amount) {
	for _, a := range s {
		all.add(a)
	}
	return all
}

// tallies know how much of each status each integration has. What is pending and
// what has failed is counted before the log is open, by their keys. All else that
// the index had by then is added by a census, while events move: each only adds
// to the sums, so they may come in any order.
type tallies struct {
	of  map[storage.Identity]*tally
	all sums
	// projects has what is pending in each; nil until the census is done.
	projects map[string]amount
}

// tally is of one integration. Pending events are counted by the second of
// their acceptance: that is how exactly the oldest one is known, at a few bytes
// for a second instead of some for each event.
type tally struct {
	sums
	webhookID, project string // "" until an event was seen
	seconds            map[int64]int
	oldest             int64 // a lower bound while known is true
	known              bool
}

func newTallies() *tallies {
	return &tallies{of: make(map[storage.Identity]*tally)}
}

// counted says whether the census is done.
func (t *tallies) counted() bool { return t.projects != nil }

func (t *tallies) tally(identity storage.Identity) *tally {
	of := t.of[identity]
	if of == nil {
		of = &tally{}
		t.of[identity] = of
	}
	return of
}

// move counts an event that goes from one state, nil for none, to another.
func (t *tallies) move(before, now *state.Event) {
	if before != nil && !now.Purged && before.Status == now.Status && before.Place.Length == now.Place.Length {
		return
	}
	of := t.tally(now.Integration)
	if before != nil {
		t.add(of, before, -1)
	}
	if !now.Purged {
		t.add(of, now, 1)
	}
	t.tidy(now.Integration, of)
}

func (t *tallies) add(of *tally, e *state.Event, n int) {
	of.named(&e.Event)
	code, a := state.StatusCode(e.Status), amount{n, int64(n) * e.Place.Length}
	of.sums[code].add(a)
	t.all[code].add(a)
	if code == state.PendingCode {
		of.count(e.ID, n)
		t.share(of, a)
	}
}

// named notes whose tally it is.
func (t *tally) named(e *storage.Event) {
	if t.webhookID == "" {
		t.webhookID, t.project = e.WebhookID, e.Project
	}
}

// share adds to what is pending in the integration's project.
func (t *tallies) share(of *tally, a amount) {
	if !t.counted() {
		return
	}
	sum := t.projects[of.project]
	sum.add(a)
	if sum == (amount{}) {
		delete(t.projects, of.project)
	} else {
		t.projects[of.project] = sum
	}
}

// tidy forgets an integration that has nothing.
func (t *tallies) tidy(identity storage.Identity, of *tally) {
	if t.counted() && of.sums == (sums{}) {
		delete(t.of, identity)
	}
}

// found counts an event of the index by its key, without its bytes.
func (t *tallies) found(identity storage.Identity, id storage.ID, status storage.Status) {
	of, code := t.tally(identity), state.StatusCode(status)
	of.sums[code].events++
	t.all[code].events++
	if code == state.PendingCode {
		of.count(id, 1)
	}
}

// include adds what the census found of one integration.
func (t *tallies) include(identity storage.Identity, e *storage.Event, found *sums) {
	of := t.tally(identity)
	of.named(e)
	of.add(found)
	t.all.add(found)
}

// finish ends the census.
func (t *tallies) finish() {
	t.projects = make(map[string]amount)
	for identity, of := range t.of {
		t.share(of, of.sums[state.PendingCode])
		t.tidy(identity, of)
	}
}

// drop forgets an integration.
func (t *tallies) drop(identity storage.Identity) {
	of := t.of[identity]
	if of == nil {
		return
	}
	for code, a := range of.sums {
		t.all[code].add(a.negative())
	}
	t.share(of, of.sums[state.PendingCode].negative())
	delete(t.of, identity)
}

func (t *tallies) pendingOf(identity storage.Identity) amount {
	if of := t.of[identity]; of != nil {
		return of.sums[state.PendingCode]
	}
	return amount{}
}

func (t *tallies) counts() storage.Counts {
	counts := storage.Counts{Pending: t.all[state.PendingCode].events, Failed: t.all[state.FailedCode].events}
	for _, of := range t.of {
		if of.sums[state.PendingCode].events == 0 {
			continue
		}
		if at := time.Unix(of.first(), 0).UTC(); counts.OldestPending.IsZero() || at.Before(counts.OldestPending) {
			counts.OldestPending = at
		}
	}
	return counts
}

// largest returns the integration that takes most bytes, of those that suit.
func (t *tallies) largest(suits func(storage.Identity, *tally) bool) (identity storage.Identity, largest *tally) {
	var most int64
	for candidate, of := range t.of {
		if bytes := of.total().bytes; suits(candidate, of) && (largest == nil || bytes > most) {
			identity, largest, most = candidate, of, bytes
		}
	}
	return identity, largest
}

// count adds to the pending events of the second in which an event was accepted.
func (t *tally) count(id storage.ID, n int) {
	if t.seconds == nil {
		t.seconds = make(map[int64]int)
	}
	second := state.IDMillis(id) / 1000
	t.seconds[second] += n
	if t.seconds[second] == 0 {
		delete(t.seconds, second)
		t.known = t.known && t.oldest != second
	} else if t.known {
		t.oldest = min(t.oldest, second)
	}
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
