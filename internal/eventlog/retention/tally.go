package retention

import (
	"time"

	"github.com/hookgate/hookgate/internal/eventlog/state"
	"github.com/hookgate/hookgate/module/storage"
)

// Amount is a number of events and the bytes that they take in the log.
type Amount struct {
	Events int
	Bytes  int64
}

// Add adds another amount.
func (a *Amount) Add(b Amount) {
	a.Events += b.Events
	a.Bytes += b.Bytes
}

// AmountOf is what an event counts for.
func AmountOf(e *state.Event) Amount { return Amount{Events: 1, Bytes: e.Place.Length} }

func (a Amount) negative() Amount { return Amount{-a.Events, -a.Bytes} }

// Sums are amounts by the code of a status.
type Sums [state.Statuses]Amount

func (s *Sums) add(other *Sums) {
	for i := range s {
		s[i].Add(other[i])
	}
}

func (s *Sums) total() (all Amount) {
	for _, a := range s {
		all.Add(a)
	}
	return all
}

// Tallies count how much of each status each integration has. What is pending and
// what has failed is counted before the log is open, by their keys. Everything else
// in the index is added by a scan beside the service, while events move: each only
// adds to the sums, so the order does not matter.
type Tallies struct {
	of  map[storage.Identity]*tally
	all Sums
	// projects has what is pending in each; nil until the scan is done.
	projects map[string]Amount
	// crowded has integrations with many events, and for how many there must be
	// room.
	crowded map[storage.Identity]int
	purged  Sums // since the start
}

// tally is of one integration. Pending events are counted by the second of
// their acceptance: that is how exactly the oldest one is known, at a few bytes
// for a second instead of some for each event.
type tally struct {
	Sums
	webhookID, project string // "" until an event was seen
	seconds            map[int64]int
	oldest             int64 // a lower bound while known is true
	known              bool
}

// NewTallies returns empty ones.
func NewTallies() *Tallies {
	return &Tallies{of: make(map[storage.Identity]*tally), crowded: make(map[storage.Identity]int)}
}

// Counted reports whether the scan is done.
func (t *Tallies) Counted() bool { return t.projects != nil }

func (t *Tallies) tally(identity storage.Identity) *tally {
	of := t.of[identity]
	if of == nil {
		of = &tally{}
		t.of[identity] = of
	}
	return of
}

// Move counts an event that goes from one state, nil for none, to another.
func (t *Tallies) Move(before, now *state.Event) {
	if before != nil && !now.Purged && before.Status == now.Status && before.Place.Length == now.Place.Length {
		return
	}
	of := t.tally(now.Integration)
	if before != nil {
		t.add(of, before, -1)
	}
	if now.Purged {
		t.purged[state.StatusCode(now.Status)].Add(AmountOf(now))
	} else {
		t.add(of, now, 1)
	}
	t.tidy(now.Integration, of)
}

func (t *Tallies) add(of *tally, e *state.Event, n int) {
	of.named(&e.Event)
	code, a := state.StatusCode(e.Status), Amount{n, int64(n) * e.Place.Length}
	of.Sums[code].Add(a)
	t.all[code].Add(a)
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
func (t *Tallies) share(of *tally, a Amount) {
	if !t.Counted() {
		return
	}
	sum := t.projects[of.project]
	sum.Add(a)
	if sum == (Amount{}) {
		delete(t.projects, of.project)
	} else {
		t.projects[of.project] = sum
	}
}

// tidy forgets an integration that has nothing.
func (t *Tallies) tidy(identity storage.Identity, of *tally) {
	if t.Counted() && of.Sums == (Sums{}) {
		delete(t.of, identity)
	}
}

// Found counts an event of the index by its key, without its bytes.
func (t *Tallies) Found(identity storage.Identity, id storage.ID, status storage.Status) {
	of, code := t.tally(identity), state.StatusCode(status)
	of.Sums[code].Events++
	t.all[code].Events++
	if code == state.PendingCode {
		of.count(id, 1)
	}
}

// Include adds what the scan found of one integration.
func (t *Tallies) Include(identity storage.Identity, e *storage.Event, found *Sums) {
	of := t.tally(identity)
	of.named(e)
	of.add(found)
	t.all.add(found)
}

// Finish ends the scan.
func (t *Tallies) Finish() {
	t.projects = make(map[string]Amount)
	for identity, of := range t.of {
		t.share(of, of.Sums[state.PendingCode])
		t.tidy(identity, of)
	}
}

// Drop forgets an integration.
func (t *Tallies) Drop(identity storage.Identity) {
	of := t.of[identity]
	if of == nil {
		return
	}
	for code, a := range of.Sums {
		t.all[code].Add(a.negative())
	}
	t.share(of, of.Sums[state.PendingCode].negative())
	delete(t.of, identity)
}

// PendingOf is what is pending of an integration.
func (t *Tallies) PendingOf(identity storage.Identity) Amount {
	if of := t.of[identity]; of != nil {
		return of.Sums[state.PendingCode]
	}
	return Amount{}
}

// Counts returns what the status page shows.
func (t *Tallies) Counts() storage.Counts {
	counts := storage.Counts{Pending: t.all[state.PendingCode].Events, Failed: t.all[state.FailedCode].Events}
	for _, of := range t.of {
		if of.Sums[state.PendingCode].Events == 0 {
			continue
		}
		if at := time.Unix(of.first(), 0).UTC(); counts.OldestPending.IsZero() || at.Before(counts.OldestPending) {
			counts.OldestPending = at
		}
	}
	return counts
}

// largest returns the integration that takes most bytes, of those that suit.
func (t *Tallies) largest(suits func(storage.Identity, *tally) bool) (identity storage.Identity, largest *tally) {
	var most int64
	for candidate, of := range t.of {
		if bytes := of.total().Bytes; suits(candidate, of) && (largest == nil || bytes > most) {
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
