package retention

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/hookgate/hookgate/internal/eventlog/state"
	"github.com/hookgate/hookgate/module/storage"
)

// TestTallies moves events at random, while some of them are counted as a scan
// finds them, and counts them once more at the end.
func TestTallies(t *testing.T) {
	statuses := []storage.Status{storage.Pending, storage.Delivered, storage.Failed}
	projects := []string{"a", "b"}
	for range 200 {
		tallies := NewTallies()
		events := make(map[storage.ID]*state.Event)
		scan := func(e *state.Event) {
			var found Sums
			a := Amount{Bytes: e.Place.Length}
			if e.Status == storage.Delivered {
				a.Events = 1
			} else {
				tallies.Found(e.Integration, e.ID, e.Status)
			}
			found[state.StatusCode(e.Status)].Add(a)
			tallies.Include(e.Integration, &e.Event, &found)
		}
		add := func(n int) *state.Event {
			e := &state.Event{}
			binary.BigEndian.PutUint64(e.ID[:], uint64(1_790_000_000_000+rand.IntN(5000))<<16|uint64(n))
			of := byte(rand.IntN(3))
			e.Integration, e.Project = storage.Identity{of}, projects[of%2]
			e.Status, e.Place.Length = statuses[rand.IntN(3)], int64(rand.IntN(1000))
			events[e.ID] = e
			return e
		}
		for n := range 20 {
			scan(add(n))
		}
		tallies.Finish()
		for n := range 60 {
			switch rand.IntN(3) {
			case 0:
				tallies.Move(nil, add(100+n))
			default:
				for id, e := range events {
					next := *e
					next.Status, next.Purged = statuses[rand.IntN(3)], rand.IntN(4) == 0
					tallies.Move(e, &next)
					if events[id] = &next; next.Purged {
						delete(events, id)
					}
					break
				}
			}
		}
		var want Sums
		pending := make(map[string]Amount)
		oldest := int64(1 << 62)
		for _, e := range events {
			want[state.StatusCode(e.Status)].Add(AmountOf(e))
			if e.Status == storage.Pending {
				sum := pending[e.Project]
				sum.Add(AmountOf(e))
				pending[e.Project] = sum
				oldest = min(oldest, state.IDMillis(e.ID)/1000)
			}
		}
		if tallies.all != want {
			t.Fatalf("there are %+v, want %+v", tallies.all, want)
		}
		for _, project := range projects {
			if tallies.projects[project] != pending[project] {
				t.Fatalf("of project %s %+v are pending, want %+v", project, tallies.projects[project], pending[project])
			}
		}
		if counts := tallies.Counts(); counts.Pending > 0 && counts.OldestPending.Unix() != oldest {
			t.Fatalf("the oldest is of %v, want %v", counts.OldestPending.Unix(), oldest)
		}
		for of := range byte(3) {
			tallies.Drop(storage.Identity{of})
		}
		if tallies.all != (Sums{}) || len(tallies.of) > 0 || len(tallies.projects) > 0 {
			t.Fatalf("%+v are left", tallies)
		}
	}
}

// TestTaken fills each limit: what the group under way takes counts as well.
func TestTaken(t *testing.T) {
	e := &storage.Event{Integration: storage.Identity{1}, Project: "a"}
	of := &state.Event{Event: *e}
	of.Status, of.Place.Length = storage.Pending, 100
	for limit, test := range map[string]struct {
		limits storage.Limits
		used   int64
		more   int // events that have room
	}{
		"":                              {limits: storage.Limits{Backlog: 1000, Disk: 1 << 20}, more: 5},
		storage.LimitBacklog:            {limits: storage.Limits{Backlog: 3}, more: 0},
		storage.LimitDisk:               {limits: storage.Limits{Disk: 1 << 20}, used: 1 << 20, more: 0},
		storage.LimitIntegrationBacklog: {limits: storage.Limits{Backlog: 16}, more: 2},
		storage.LimitIntegrationDisk:    {limits: storage.Limits{Disk: 1600}, more: 2},
		storage.LimitIntegrationEvents:  {limits: storage.Limits{Events: 4}, more: 2},
	} {
		t.Run(limit, func(t *testing.T) {
			tallies, taken := NewTallies(), NewTaken()
			tallies.Finish()
			if limit != storage.LimitBacklog && limit != storage.LimitDisk {
				for id := range byte(2) {
					next := *of
					next.ID = storage.ID{id}
					tallies.Move(nil, &next)
				}
			} else {
				for id := range byte(3) {
					next := *of
					next.ID, next.Integration = storage.ID{id}, storage.Identity{2}
					tallies.Move(nil, &next)
				}
			}
			for n := range 5 {
				err := taken.Take(tallies, &test.limits, test.used, e, 1, 100)
				if n < test.more && err != nil {
					t.Fatalf("event %d: %v", n, err)
				}
				if n < test.more {
					continue
				}
				fault, ok := errors.AsType[*storage.LimitError](err)
				if !ok || fault.Limit != limit {
					t.Fatalf("event %d: %v", n, err)
				}
				return
			}
		})
	}
}
