package dispatch

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hookgate/hookgate/module/storage"
	"github.com/hookgate/hookgate/module/trigger"
)

var (
	seed  = flag.Uint64("seed", 0, "run the property test with this seed alone")
	seeds = flag.Int("seeds", 8, "how many seeds the property test runs")
)

// Whatever endpoints answer, admins change, operators reload and storages
// refuse, over simulated days: each event ends exactly as the policy says.
func TestProperty(t *testing.T) {
	if *seed != 0 {
		life(t, *seed)
		return
	}
	for range *seeds {
		seed := rand.Uint64()
		if !t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { life(t, seed) }) {
			t.Fatalf("to see it again: go test -run TestProperty -seed %d", seed)
		}
	}
}

// world is what goes on around a dispatcher.
type world struct {
	*bench
	mu     sync.Mutex // workers draw random numbers too
	rng    *rand.Rand
	policy Policy
	types  []string
	down   map[string]bool // endpoints by resource type
	faults bool
}

func (w *world) chance(n, of int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.rng.IntN(of) < n
}

func (w *world) span(most time.Duration) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Duration(w.rng.Int64N(int64(most)))
}

func (w *world) isDown(resourceType string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.down[resourceType]
}

// answer is what an endpoint does.
func (w *world) answer(ctx context.Context, attempt *trigger.Attempt) trigger.Result {
	select {
	case <-time.After(w.span(10 * time.Second)):
	case <-ctx.Done():
		return trigger.Result{Error: trigger.ErrTimeout}
	}
	down := w.isDown(attempt.Event.Resource.Type)
	switch {
	case down && w.chance(1, 10):
		return resultRefused
	case down:
		return trigger.Result{Error: trigger.ErrConnect}
	case w.chance(1, 40):
		return resultFail
	case w.chance(1, 20):
		return trigger.Result{Verdict: trigger.Pending, RetryAfter: w.span(time.Minute)}
	case w.chance(1, 50):
		panic("a defect")
	case w.chance(1, 10):
		return trigger.Result{StatusCode: 429, Error: trigger.ErrStatus, RetryAfter: w.span(2 * time.Hour)}
	case w.chance(1, 5):
		return resultRetry
	default:
		return resultOK
	}
}

func (w *world) newPlan() *Plan {
	plan := w.plan(w.policy, w.answer, w.types[:2]...)
	plan.Triggers = append(plan.Triggers, &fakeTrigger{types: w.types[2:], log: w.log, run: w.answer})
	return plan
}

// upset changes something.
func (w *world) upset() {
	n := int(w.span(8))
	switch w.span(10) {
	case 0:
		w.d.Use(w.newPlan())
	case 1:
		w.d.Use(nil)
	case 2:
		plan := w.newPlan()
		plan.Triggers = plan.Triggers[:1] // the other type waits
		w.d.Use(plan)
	case 3:
		// A claim that cannot be ended would last until the storage's end.
		w.mu.Lock()
		w.faults = false
		w.mu.Unlock()
		if err := w.d.Stop(w.Context()); err != nil {
			w.Error(err)
		}
		w.start(Options{Grace: w.span(10*time.Second) + 1})
		w.d.Use(w.newPlan())
	case 4:
		w.setState(n, Disabled)
	case 5, 6:
		w.setState(n, Enabled)
	case 7:
		w.mu.Lock()
		w.down[w.types[n%3]] = !w.down[w.types[n%3]]
		w.mu.Unlock()
	case 8:
		w.mu.Lock()
		w.faults = !w.faults
		w.mu.Unlock()
	default:
		for range n * 20 {
			w.events.accept(int(w.span(8)), w.types[w.span(3)])
		}
	}
}

func life(t *testing.T, seed uint64) {
	simulate(t, Options{}, func(b *bench) {
		w := &world{
			bench: b, rng: rand.New(rand.NewPCG(seed, 0)),
			types: []string{"assistant", "workflow", "ticket"}, down: make(map[string]bool),
		}
		w.policy = Policy{For: time.Hour + w.span(20*time.Hour), Initial: w.span(10*time.Second) + 1, Max: w.span(2*time.Hour) + 1}
		if w.chance(1, 2) {
			w.policy.Attempts = 1 + int(w.span(10))
		}
		b.events.fail = func(string, storage.ID) error {
			w.mu.Lock()
			defer w.mu.Unlock()
			if w.faults && w.rng.IntN(4) == 0 {
				return storage.ErrUnavailable
			}
			return nil
		}
		b.d.Use(w.newPlan())
		for range 300 {
			w.upset()
			b.pass(w.span(20 * time.Minute))
		}
		// Everything comes back, and time enough for everything to end.
		w.mu.Lock()
		w.faults = false
		clear(w.down)
		w.mu.Unlock()
		for n := range 8 {
			b.setState(n, Enabled)
		}
		b.d.Use(w.newPlan())
		b.pass(w.policy.For + 2*w.policy.Max + 6*time.Hour)
		if n := b.events.count()[storage.Pending]; n != 0 {
			t.Errorf("%d events never ended", n)
		}
		w.verify()
	})
}

// verify holds each event's attempts against the policy.
func (w *world) verify() {
	calls := make(map[string][]call)
	for _, c := range w.log.all() {
		calls[c.id] = append(calls[c.id], c)
	}
	ends := make(map[string]int)
	for id, record := range w.events.records {
		own := calls[id.String()]
		slices.SortFunc(own, func(a, b call) int { return a.began.Compare(b.began) })
		reason := w.explain(record.Record, own)
		if reason == "" {
			w.Errorf("event %s is %s after %+v", id, record.Status, own)
		}
		ends[reason]++
	}
	w.Logf("%+v: %v", w.policy, slices.Sorted(maps.Keys(ends)))
}

// explain says why the event ended as it did; "" means that it should not
// have.
func (w *world) explain(record storage.Record, calls []call) string {
	deadline := record.QueuedAt.Add(w.policy.For)
	attempts := 0
	var earliest time.Time // of the next attempt
	for i, c := range calls {
		if c.began.Before(earliest) {
			w.Errorf("event %s: an attempt at %v, not due until %v", c.id, c.began, earliest)
		}
		if c.number != attempts+1 {
			w.Errorf("event %s: attempt %d after %d", c.id, c.number, attempts)
		}
		last := i == len(calls)-1
		switch c.result.Verdict {
		case trigger.Delivered, trigger.Fail:
			if !last {
				w.Errorf("event %s was attempted after its end", c.id)
			}
			if c.result.Verdict == trigger.Delivered && record.Status == storage.Delivered {
				return "delivered"
			}
			if c.result.Verdict == trigger.Fail && record.Status == storage.Failed {
				return "failed for good"
			}
			return ""
		case trigger.Pending:
			earliest = c.ended.Add(min(c.result.RetryAfter, w.policy.Max))
			continue
		}
		if c.wasCut {
			continue
		}
		attempts++
		earliest = c.ended.Add(min(c.result.RetryAfter, w.policy.Max))
		usedUp := w.policy.Attempts > 0 && attempts >= w.policy.Attempts
		if usedUp || !c.ended.Before(deadline) {
			if !last {
				w.Errorf("event %s was attempted after its attempts or its time were used up", c.id)
			}
			if record.Status != storage.Failed {
				return ""
			}
			if usedUp {
				return "attempts used up"
			}
			return "time over"
		}
	}
	end := record.Attempts
	if record.Status == storage.Failed && len(end) == attempts+1 &&
		end[attempts].Error == trigger.ErrExpired && !end[attempts].At.Before(deadline) {
		return "expired behind an open circuit"
	}
	return ""
}
