package dispatch

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookgate/hookgate/module/storage"
	"github.com/hookgate/hookgate/module/trigger"
)

// Many resources that hang leave the others their places, whoever they belong to
// and whether they have worked before or not.
func TestManyHang(t *testing.T) {
	for _, proven := range []bool{false, true} {
		for _, projects := range []int{1, 100} {
			t.Run(fmt.Sprintf("%d projects, proven %v", projects, proven), func(t *testing.T) {
				simulate(t, Options{}, func(b *bench) {
					var hangs atomic.Bool
					b.d.Use(b.plan(Policy{Initial: time.Second, Max: time.Minute}, func(ctx context.Context, attempt *trigger.Attempt) trigger.Result {
						if !hangs.Load() {
							time.Sleep(answerTime)
							return resultOK
						}
						return misbehaves(ctx, attempt)
					}))
					accept := func(kind string, n int) storage.ID {
						return b.events.acceptFor(fmt.Sprint("p-", n%projects), n, "assistant", fmt.Sprint(kind, "-", n))
					}
					of := func(n int) storage.ID { // one in ten hangs
						if n%10 == 0 {
							return accept("hang", n)
						}
						return accept("ok", n)
					}
					if proven {
						for n := range 1000 {
							of(n)
							of(n)
						}
						b.pass(10 * time.Second)
						b.want(0, 2000, 0)
					}
					hangs.Store(true)
					accepted := make(map[string]time.Time)
					for range 300 {
						for n := range 10 {
							for m := range 3 {
								k := 100*n + (int(time.Now().UnixMilli()/100)*7+m*31)%100
								accepted[of(k).String()] = time.Now()
							}
						}
						b.pass(100 * time.Millisecond)
					}
					b.pass(10 * time.Second)
					worst := time.Duration(0)
					for _, c := range b.log.started() {
						if at, ok := accepted[c.id]; ok && strings.HasPrefix(c.resource.ID, "ok") {
							worst = max(worst, c.began.Sub(at))
							delete(accepted, c.id)
						}
					}
					for id := range accepted {
						parsed, _ := storage.ParseID(id)
						if strings.HasPrefix(b.events.get(parsed).ResourceID, "ok") {
							t.Errorf("one that works was never attempted")
						}
					}
					if worst > soonEnough {
						t.Errorf("what works waits up to %v", worst)
					}
					// Before they are known to hang, one attempt each and trials.
					if n := b.spent("hang"); !proven && n > 100*2 {
						t.Errorf("%d attempts at what hangs", n)
					}
				})
			})
		}
	}
}

// One project with any number of resources that hang leaves those of the others
// their places, also when nothing is known of them yet.
func TestOneProjectHangs(t *testing.T) {
	simulate(t, Options{}, func(b *bench) {
		b.d.Use(b.plan(Policy{}, misbehaves))
		for n := range 3000 {
			b.events.acceptFor("bad", n/10, "assistant", fmt.Sprint("hang-", n))
		}
		for n := range 100 {
			if late := b.delay(b.events.acceptFor(fmt.Sprint("new-", n), 10_000+n, "assistant", "ok-1"), time.Second); late > soonEnough/2 {
				t.Errorf("after %d s, it waits %v", n, late)
			}
		}
	})
}

// Hundreds of a project's resources hang: what is new in it has a place all the same,
// and others do, when a second and a third project are in that state.
func TestHundredsOfAProjectHang(t *testing.T) {
	simulate(t, Options{}, func(b *bench) {
		b.d.Use(b.plan(Policy{}, misbehaves))
		integrations := 10_000
		soon := func(project string) {
			t.Helper()
			integrations++
			if late := b.delay(b.events.acceptFor(project, integrations, "assistant", "ok-new"), 5*time.Second); late > 2*soonEnough {
				t.Errorf("what is new in %s waits %v", project, late)
			}
		}
		for n := range 250 {
			b.events.acceptFor("bad-1", n, "assistant", fmt.Sprint("hang-", n))
		}
		soon("bad-1")
		for n := range 400 {
			b.events.acceptFor(fmt.Sprint("bad-", 2+n%2), 1000+n, "assistant", fmt.Sprint("hang-", n))
		}
		for n := range 60 {
			soon(fmt.Sprint("good-", n))
			b.pass(5 * time.Second)
		}
	})
}

// So does a project's hundred, with any number of events, those of its own.
func TestHundredHang(t *testing.T) {
	simulate(t, Options{}, func(b *bench) {
		b.d.Use(b.plan(Policy{}, misbehaves))
		for n := range 100 {
			for range 10 {
				b.events.acceptFor("demo", n, "assistant", fmt.Sprint("hang-", n))
			}
		}
		for n := range 100 {
			if late := b.delay(b.events.acceptFor("demo", 1000+n, "assistant", fmt.Sprint("ok-", n)), 3*time.Second/2); late > soonEnough {
				t.Errorf("the %dth waits %v", n, late)
			}
		}
	})
}

// One of an integration's resources hangs, with as many events as fill all that
// the integration may have.
func TestOneOfSeveralHangs(t *testing.T) {
	simulate(t, Options{}, func(b *bench) {
		hangs := b.misbehavesLater(Policy{}, answerTime, resultOK)
		both := func() storage.ID {
			b.events.acceptFor("demo", 0, "assistant", "hang-1")
			return b.events.acceptFor("demo", 0, "assistant", "ok-1")
		}
		for range 500 {
			both()
		}
		b.pass(time.Minute)
		hangs.Store(true)
		for range 100 {
			b.events.acceptFor("demo", 0, "assistant", "hang-1")
		}
		for range 60 {
			if late := b.delay(both(), 10*time.Second); late > soonEnough/2 {
				t.Errorf("it waits %v", late)
			}
		}
	})
}

// Busy integrations come to a stop all at once, with all the places that they
// may have taken.
func TestManyComeToAStop(t *testing.T) {
	simulate(t, Options{}, func(b *bench) {
		hangs := b.misbehavesLater(Policy{}, answerTime, resultOK)
		busy := func(each int) {
			for n := range 20 {
				for range each {
					b.events.acceptFor("busy", n, "assistant", fmt.Sprint("hang-", n))
				}
			}
		}
		b.events.acceptFor("good", 100, "assistant", "ok-1")
		b.events.acceptFor("busy", 101, "assistant", "ok-1")
		busy(500)
		b.pass(time.Minute)
		hangs.Store(true)
		busy(500)
		for n := range 100 {
			for name, id := range map[string]storage.ID{
				"another project's":    b.events.acceptFor("good", 100, "assistant", "ok-1"),
				"a new one's":          b.events.acceptFor("new", 200, "assistant", fmt.Sprint("ok-new-", n)),
				"the same project's":   b.events.acceptFor("busy", 101, "assistant", "ok-1"),
				"a busy integration's": b.events.acceptFor("busy", 0, "assistant", "ok-2"),
			} {
				if name == "a busy integration's" && n == 0 {
					continue // it has not proven itself
				}
				if late := b.delay(id, time.Second); late >= soonEnough {
					t.Errorf("after %d s, %s event waits", n, name)
				}
			}
		}
	})
}

// What is known to take long, and so is not set aside soon, comes to a stop with
// all the places that it may have.
func TestSlowComeToAStop(t *testing.T) {
	simulate(t, Options{}, func(b *bench) {
		var hangs atomic.Bool
		b.d.Use(b.plan(Policy{}, func(ctx context.Context, attempt *trigger.Attempt) trigger.Result {
			if kind, _, _ := strings.Cut(attempt.Event.Resource.ID, "-"); kind == "hang" && !hangs.Load() {
				time.Sleep(3 * time.Second)
				return resultOK
			}
			return misbehaves(ctx, attempt)
		}))
		busy := func() {
			for n := range 12 {
				for range 100 {
					b.events.acceptFor("busy", n/3, "assistant", fmt.Sprint("hang-", n))
				}
			}
		}
		busy()
		b.events.acceptFor("good", 100, "assistant", "ok-1")
		b.events.acceptFor("busy", 0, "assistant", "ok-1")
		b.pass(5 * time.Minute)
		busy()
		for n := range 60 {
			hangs.Store(n > 30)
			for name, id := range map[string]storage.ID{
				"another project's":    b.events.acceptFor("good", 100, "assistant", "ok-1"),
				"a new one's":          b.events.acceptFor("new", 200, "assistant", fmt.Sprint("ok-new-", n)),
				"a busy integration's": b.events.acceptFor("busy", 0, "assistant", "ok-1"),
			} {
				if late := b.delay(id, time.Second); late >= soonEnough {
					t.Errorf("after %d s, %s event waits", n, name)
				}
			}
		}
	})
}

// Triggers that hang as a whole leave the others theirs.
func TestManyTriggersHang(t *testing.T) {
	simulate(t, Options{}, func(b *bench) {
		plan := b.plan(Policy{}, misbehaves, "type-0")
		for n := range 9 {
			plan.Triggers = append(plan.Triggers, &fakeTrigger{types: []string{fmt.Sprint("type-", n+1)}, run: misbehaves, log: b.log})
		}
		b.d.Use(plan)
		for n := range 9 {
			for m := range 300 {
				b.events.acceptFor(fmt.Sprint("p-", m%3), m, fmt.Sprint("type-", n), fmt.Sprint("hang-", m))
			}
		}
		for range 120 {
			if late := b.delay(b.events.acceptFor("good", 9999, "type-9", "ok-1"), time.Second); late >= soonEnough {
				t.Error("it waits")
			}
		}
		all := 0
		for _, status := range b.d.Status() {
			all += status.InFlight
		}
		if all > 256+1024 {
			t.Errorf("%d in flight", all)
		}
	})
}

// A trigger with a bound of its own never has more under way, and what has
// proven itself still gets through.
func TestHangingWithinOwnLimit(t *testing.T) {
	simulate(t, Options{}, func(b *bench) {
		plan := b.plan(Policy{}, misbehaves)
		plan.Triggers[0] = &limitedTrigger{*plan.Triggers[0].(*fakeTrigger), 8}
		b.d.Use(plan)
		good := func() storage.ID { return b.events.acceptFor("good", 999, "assistant", "ok-1") }
		good()
		b.pass(time.Second)
		for n := range 300 {
			b.events.acceptFor("bad", n, "assistant", fmt.Sprint("hang-", n))
		}
		for range 120 {
			if late := b.delay(good(), time.Second); late > 0 {
				t.Errorf("it waits %v", late)
			}
		}
		if b.log.most > 8 {
			t.Errorf("%d at once", b.log.most)
		}
	})
}

// Large bodies that hang leave small and proven ones room.
func TestBytesOfHanging(t *testing.T) {
	simulate(t, Options{}, func(b *bench) {
		var hangs atomic.Bool
		b.d.Use(b.plan(Policy{For: time.Hour}, func(ctx context.Context, attempt *trigger.Attempt) trigger.Result {
			if hangs.Load() && strings.HasPrefix(attempt.Event.Resource.ID, "ok-then") {
				<-ctx.Done()
			}
			return misbehaves(ctx, attempt)
		}))
		accept := func(project string, integration int, id string, size int) storage.ID {
			now := time.Now()
			return b.events.store(storage.Record{
				Event: storage.Event{
					Integration: identity(integration), WebhookID: fmt.Sprint("hook-", integration), Project: project,
					ResourceType: "assistant", ResourceID: id, ReceivedAt: now, Body: make([]byte, size),
				},
				State: storage.State{Status: storage.Pending, Due: now, QueuedAt: now},
			})
		}
		accept("good", 999, "ok-1", 100<<10)
		b.pass(time.Second)
		for n := range 30 {
			accept("bad", n, fmt.Sprint("hang-", n), 20<<20)
		}
		for n := range 60 {
			if late := b.delay(accept("good", 999, "ok-1", 10<<20), time.Second); late > 0 {
				t.Errorf("a large one of what works waits %v", late)
			}
			if late := b.delay(accept("new", 1000+n, fmt.Sprint("ok-new-", n), 10<<10), time.Second); late > 0 {
				t.Errorf("a small one of what is new waits %v", late)
			}
		}
		b.pass(2 * time.Hour)
		for n := range 8 {
			accept("bad", 100+n, fmt.Sprint("ok-then-", n), 1)
		}
		b.pass(time.Second)
		hangs.Store(true) // what had proven itself
		for n := range 8 {
			accept("bad", 100+n, fmt.Sprint("ok-then-", n), 16<<20)
		}
		for n := range 20 {
			if late := b.delay(accept("good", 999, fmt.Sprint("ok-new-", n), 10<<10), time.Second); late > 0 {
				t.Errorf("a small one waits %v", late)
			}
		}
	})
}

// A resource not all of whose events take equally long goes on beside the long
// ones, and one that always takes long is not taken for one that hangs.
func TestSlowIsNoFault(t *testing.T) {
	simulate(t, Options{}, func(b *bench) {
		b.d.Use(b.plan(Policy{}, func(_ context.Context, attempt *trigger.Attempt) trigger.Result {
			wait := answerTime
			switch {
			case attempt.Event.Resource.ID == "slow":
				wait = 20 * time.Second
			case len(attempt.Event.Body) > 0:
				wait = 5 * time.Second
			}
			time.Sleep(wait)
			return resultOK
		}))
		mixed := func(body string) storage.ID {
			now := time.Now()
			return b.events.store(storage.Record{
				Event: storage.Event{
					Integration: identity(1), WebhookID: "hook-1", Project: "demo",
					ResourceType: "assistant", ResourceID: "mixed", ReceivedAt: now, Body: []byte(body),
				},
				State: storage.State{Status: storage.Pending, Due: now, QueuedAt: now},
			})
		}
		mixed("")
		b.pass(time.Second)
		for range 100 {
			mixed("long")
			if late := b.delay(mixed(""), time.Second); late > soonEnough/2 {
				t.Errorf("it waits %v", late)
			}
		}
		for range 1000 {
			b.events.acceptFor("demo", 2, "assistant", "slow")
		}
		b.pass(5 * time.Minute)
		if got := b.d.Status()[0]; got.InFlight != 32 || got.Aside != 0 {
			t.Errorf("%+v", got)
		}
		b.pass(time.Hour)
		b.want(0, 1201, 0)
	})
}
