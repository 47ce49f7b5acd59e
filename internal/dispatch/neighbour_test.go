package dispatch

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookgate/hookgate/module/storage"
	"github.com/hookgate/hookgate/module/trigger"
)

// answerTime is how long the fakes below take for an answer.
const answerTime = 5 * time.Millisecond

// misbehaves is a trigger that does what the resource's ID says, up to its first
// dash.
func misbehaves(ctx context.Context, attempt *trigger.Attempt) trigger.Result {
	kind, _, _ := strings.Cut(attempt.Event.Resource.ID, "-")
	wait, result := answerTime, resultOK
	switch kind {
	case "500":
		result = trigger.Result{StatusCode: 500, Error: trigger.ErrStatus}
	case "401":
		result = resultRefused
	case "403":
		result = resultDenied
	case "limited":
		result = trigger.Result{StatusCode: 429, Error: trigger.ErrStatus, RetryAfter: 10 * time.Minute}
	case "broken":
		result = trigger.Result{Error: trigger.ErrConnect, Fault: trigger.FaultResource}
	case "hang":
		wait, result = 30*time.Second, resultTimeout
	case "slow":
		wait = 20 * time.Second
	}
	select {
	case <-time.After(wait):
		return result
	case <-ctx.Done():
		return resultTimeout
	}
}

// misbehavesLater has a trigger serve that misbehaves once it is told to; until then
// it takes its time for one and the same result.
func (b *bench) misbehavesLater(policy Policy, takes time.Duration, before trigger.Result) (from *atomic.Bool) {
	from = new(atomic.Bool)
	b.d.Use(b.plan(policy, func(ctx context.Context, attempt *trigger.Attempt) trigger.Result {
		if !from.Load() {
			time.Sleep(takes)
			return before
		}
		return misbehaves(ctx, attempt)
	}))
	return from
}

// delay is how long after now the event's first attempt began, at most patience
// from now.
func (b *bench) delay(id storage.ID, patience time.Duration) time.Duration {
	b.Helper()
	accepted := time.Now()
	b.pass(patience)
	began := slices.DeleteFunc(b.log.started(), func(c call) bool { return c.id != id.String() })
	if len(began) == 0 {
		return patience
	}
	return began[0].began.Sub(accepted)
}

// spent counts the attempts of the resources whose ID begins so.
func (b *bench) spent(prefix string) (n int) {
	for _, c := range b.log.started() {
		if strings.HasPrefix(c.resource.ID, prefix) {
			n++
		}
	}
	return n
}

const soonEnough = time.Second

// What fails gets the attempts that its circuits allow, and what works does not
// notice.
func TestNeighbours(t *testing.T) {
	// probes of an open circuit in ten minutes: after 1, 3, 7, 15, 31 and 63 s,
	// and then once a minute.
	const probes = 6 + 8
	for _, test := range []struct {
		kind     string
		attempts int // in ten minutes, of sixty events
		open     TriggerStatus
		// stopped says that what else the project has is stopped, too.
		stopped bool
	}{
		{kind: "500", attempts: 5 + probes, open: TriggerStatus{OpenResources: 1}},
		{kind: "broken", attempts: 5 + probes, open: TriggerStatus{OpenResources: 1}},
		{kind: "403", attempts: 1 + probes, open: TriggerStatus{OpenResources: 1}},
		{kind: "401", attempts: 1 + probes, open: TriggerStatus{OpenProjects: 1}, stopped: true},
		{kind: "limited", attempts: 1, open: TriggerStatus{OpenResources: 1}},
		{kind: "hang", attempts: 5 + 9, open: TriggerStatus{OpenResources: 1}},
	} {
		neighbour := func(t *testing.T, before int) {
			simulate(t, Options{}, func(b *bench) {
				var worked atomic.Int64
				b.d.Use(b.plan(Policy{Initial: time.Millisecond, Max: time.Hour}, func(ctx context.Context, attempt *trigger.Attempt) trigger.Result {
					if strings.HasPrefix(attempt.Event.Resource.ID, test.kind) && worked.Add(1) <= int64(before) {
						time.Sleep(answerTime)
						return resultOK
					}
					return misbehaves(ctx, attempt)
				}))
				for range before {
					b.events.acceptFor("demo", 0, "assistant", test.kind+"-1")
				}
				b.pass(5 * time.Second)
				b.log.clear()
				for range 60 {
					b.events.acceptFor("demo", 0, "assistant", test.kind+"-1")
				}
				for range 10 {
					b.pass(6 * time.Second)
					if late := b.delay(b.events.acceptFor("other", 1, "assistant", "ok-1"), 10*time.Second); late > 0 {
						t.Errorf("another project's event waits %v", late)
					}
					late := b.delay(b.events.acceptFor("demo", 2, "assistant", "ok-2"), 10*time.Second)
					if test.stopped {
						break // it is what probes the circuit, and closes it
					}
					if late > 0 {
						t.Errorf("another resource's event waits %v", late)
					}
					if late := b.delay(b.events.acceptFor("demo", 0, "assistant", "ok-3"), 10*time.Second); late > 0 {
						t.Errorf("another event of the integration waits %v", late)
					}
					b.pass(24 * time.Second)
				}
				if test.stopped {
					return
				}
				test.open.ResourceType, test.open.State = "assistant", StateClosed
				got := b.d.Status()[0]
				got.InFlight, got.Aside = 0, 0
				if got != test.open {
					t.Errorf("got %+v, want %+v", got, test.open)
				}
				if n := b.spent(test.kind); n > test.attempts || n < test.attempts-2 {
					t.Errorf("%d attempts, want %d", n, test.attempts)
				}
			})
		}
		t.Run(test.kind+" at first", func(t *testing.T) { neighbour(t, 0) })
		t.Run(test.kind+" after a success", func(t *testing.T) { neighbour(t, 1) })
		t.Run(test.kind+" after many", func(t *testing.T) { neighbour(t, 300) })
	}
}

// A refused credential stops its project alone, whose other resources do not
// use up attempts either.
func TestRefusedProject(t *testing.T) {
	simulate(t, Options{}, func(b *bench) {
		b.d.Use(b.plan(Policy{Initial: time.Millisecond}, func(_ context.Context, attempt *trigger.Attempt) trigger.Result {
			if attempt.Event.Project == "bad" {
				return resultRefused
			}
			return resultOK
		}, "assistant", "workflow"))
		b.events.acceptFor("bad", 0, "assistant", "a")
		b.pass(0)
		for n := range 100 {
			b.events.acceptFor("bad", n, []string{"assistant", "workflow"}[n%2], fmt.Sprint("r-", n))
			if late := b.delay(b.events.acceptFor("good", 1000+n, "assistant", fmt.Sprint("r-", n)), 5*time.Second); late > 0 {
				t.Errorf("another project waits %v", late)
			}
		}
		if n := len(slices.DeleteFunc(b.log.all(), func(c call) bool { return c.project != "bad" })); n > 1+6+8 {
			t.Errorf("%d attempts with a refused credential", n)
		}
		for _, status := range b.d.Status() {
			if status.State != StateClosed || status.OpenProjects != 1 || status.OpenResources != 0 {
				t.Errorf("got %+v", status)
			}
		}
	})
}

// Five resources that fail in a row stop their project, unless something
// succeeds between; and its probe is of one that has not failed.
func TestProjectOfFailingResources(t *testing.T) {
	simulate(t, Options{}, func(b *bench) {
		b.d.Use(b.plan(Policy{Attempts: 1}, misbehaves))
		accept := func(id string) storage.ID { return b.events.acceptFor("demo", 0, "assistant", id) }
		open := func() int { return b.d.Status()[0].OpenProjects }
		for n := range 20 {
			accept(fmt.Sprint("500-", n))
			if n%4 == 3 {
				accept("ok-1")
			}
			b.pass(time.Minute)
			if open() != 0 {
				t.Fatalf("the circuit is open after %d failures with successes between", n)
			}
		}
		for n := range 5 {
			accept("500-1") // the same one counts once
			accept(fmt.Sprint("500-", 30+n))
			b.pass(100 * time.Millisecond)
		}
		if open() != 1 {
			t.Fatal("the circuit is not open")
		}
		for n := range 20 { // of which the probes fail
			accept(fmt.Sprint("500-", 50+n))
		}
		before := b.spent("500")
		b.pass(5 * time.Minute)
		if n := b.spent("500") - before; n < 6 || n > 6+4 {
			t.Errorf("%d attempts in 5 minutes", n)
		}
		// What has proven itself waits for a second at most, even so.
		for range 20 {
			if late := b.delay(accept("ok-1"), 90*time.Second); late > soonEnough {
				t.Errorf("what works waits %v", late)
			}
		}
		// What is new comes before what has failed, at the next probe.
		for range 50 {
			for n := range 5 {
				accept(fmt.Sprint("500-", 30+n))
			}
		}
		b.pass(5 * time.Minute)
		if open() != 1 {
			t.Fatal("the circuit is not open")
		}
		begun := len(b.log.started())
		for len(b.log.started()) == begun {
			b.pass(time.Second)
		}
		if late := b.delay(accept("ok-new"), 2*time.Minute); late > time.Minute {
			t.Errorf("what is new waits %v", late)
		}
		calls := b.log.started()[begun+1:]
		if i := slices.IndexFunc(calls, func(c call) bool { return c.resource.ID == "ok-new" }); i > 0 {
			t.Errorf("%d attempts before it", i)
		}
	})
}

// The probe of an endpoint is of a resource whose last attempt did not fail.
func TestProbeOfEndpoint(t *testing.T) {
	simulate(t, Options{}, func(b *bench) {
		back := b.misbehavesLater(Policy{Initial: time.Millisecond, Max: time.Millisecond}, 0, resultAway)
		for n := range 20 {
			b.events.acceptFor(fmt.Sprint("p-", n), n, "assistant", fmt.Sprint("hang-", n))
		}
		b.pass(10 * time.Minute)
		if got := b.d.Status()[0]; got.State == StateClosed || got.OpenProjects+got.OpenResources != 0 {
			t.Fatalf("got %+v", got)
		}
		if n := len(b.log.all()); n > 20+6+8 {
			t.Errorf("%d attempts at an endpoint that is away", n)
		}
		back.Store(true)
		id := b.events.acceptFor("good", 99, "assistant", "ok-1")
		if late := b.delay(id, time.Minute+time.Second); late > time.Minute {
			t.Errorf("it waits %v", late)
		}
		if got := b.d.Status()[0]; got.State != StateClosed {
			t.Errorf("got %+v", got)
		}
	})
}

// A probe that hangs does not hold up a better one.
func TestProbeHangs(t *testing.T) {
	simulate(t, Options{}, func(b *bench) {
		back := b.misbehavesLater(Policy{Initial: time.Millisecond, Max: time.Millisecond}, 0, resultAway)
		b.events.acceptFor("bad", 0, "assistant", "hang-1")
		b.pass(time.Minute)
		back.Store(true)
		for b.d.Status()[0].InFlight == 0 {
			b.pass(100 * time.Millisecond)
		}
		if late := b.delay(b.events.acceptFor("good", 1, "assistant", "ok-1"), time.Minute); late > soonEnough {
			t.Errorf("it waits %v", late)
		}
	})
}
