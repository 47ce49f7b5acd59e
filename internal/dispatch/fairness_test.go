package dispatch

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/hookgate/hookgate/module/storage"
	"github.com/hookgate/hookgate/module/trigger"
)

// One integration with a large backlog delays another's first event by no
// more than one round.
func TestFairBetweenIntegrations(t *testing.T) {
	simulate(t, Options{}, func(b *bench) {
		b.d.Use(b.plan(Policy{}, func(context.Context, *trigger.Attempt) trigger.Result {
			time.Sleep(time.Second)
			return resultOK
		}))
		for n := range 10000 {
			b.events.accept(n%5, "assistant")
		}
		b.pass(10*time.Second + time.Millisecond)
		accepted := time.Now()
		b.events.accept(99, "assistant")
		b.pass(5 * time.Second)
		for _, c := range b.log.all() {
			if c.webhookID == "hook-99" {
				if waited := c.began.Sub(accepted); waited > time.Second {
					t.Errorf("waited %v", waited)
				}
				return
			}
		}
		t.Error("it was not attempted")
	})
}

// A trigger that is slow does not hold up another, and each lane is first in,
// first out.
func TestFairBetweenTriggers(t *testing.T) {
	simulate(t, Options{}, func(b *bench) {
		b.limits = Concurrency{PerIntegration: 100}
		plan := b.plan(Policy{}, func(context.Context, *trigger.Attempt) trigger.Result {
			time.Sleep(time.Hour)
			return resultOK
		}, "slow")
		quick := newCallLog()
		plan.Triggers = append(plan.Triggers, &fakeTrigger{types: []string{"quick"}, log: quick, run: always(resultOK)})
		b.d.Use(plan)
		b.warm(1, "slow")
		for range 1000 {
			b.events.accept(0, "slow")
		}
		b.pass(0)
		for range 1000 {
			b.events.accept(0, "quick")
		}
		b.pass(0)
		if n := len(quick.all()); n != 1000 {
			t.Errorf("%d of 1000 quick ones ran", n)
		}
		if got := b.d.Status(); got[0].InFlight != 0 || got[1].InFlight != 48 {
			t.Errorf("got %+v", got)
		}
		b.pass(100 * time.Hour)
		b.want(0, 2000, 0)
	})
}

func TestFirstInFirstOut(t *testing.T) {
	simulate(t, Options{}, func(b *bench) {
		b.limits = Concurrency{Total: 1}
		ids := rand.Perm(1000) // a storage may list them in any order
		for _, n := range ids {
			b.events.last = uint64(n)
			b.events.accept(0, "assistant")
		}
		b.d.Use(b.plan(Policy{}, always(resultOK)))
		b.pass(0)
		b.want(0, 1000, 0)
		last := ""
		for _, c := range b.log.all() {
			if c.id <= last {
				t.Fatalf("%s after %s", c.id, last)
			}
			last = c.id
		}
	})
}

// Neither old failures nor fresh events starve the other.
func TestRetriesAndFreshTakeTurns(t *testing.T) {
	simulate(t, Options{}, func(b *bench) {
		b.limits = Concurrency{Total: 2}
		b.d.Use(b.plan(Policy{Initial: time.Nanosecond}, func(_ context.Context, attempt *trigger.Attempt) trigger.Result {
			time.Sleep(time.Second)
			if attempt.Number < 3 {
				return trigger.Result{Verdict: trigger.Retry, Error: trigger.ErrInternal} // opens no circuit
			}
			return resultOK
		}))
		for range 300 {
			b.events.accept(0, "assistant")
		}
		b.pass(100 * time.Second)
		byNumber := make(map[int]int)
		for _, c := range b.log.all() {
			byNumber[c.number]++
		}
		if byNumber[1] < 80 || byNumber[1] > 120 || byNumber[3] < 30 {
			t.Errorf("attempts by number: %v", byNumber)
		}
		b.pass(time.Hour)
		b.want(0, 300, 0)
	})
}

func TestLimits(t *testing.T) {
	for _, test := range []struct {
		integrations int
		types        int
		triggers     int
		limits       Concurrency
		want         int
	}{
		{1, 1, 1, Concurrency{}, 32},
		{1, 3, 1, Concurrency{}, 32},
		{1, 3, 3, Concurrency{}, 32},
		{10, 1, 1, Concurrency{}, 64},
		{10, 3, 1, Concurrency{}, 64},
		{20, 2, 2, Concurrency{}, 128},
		{20, 5, 5, Concurrency{}, 256},
		{10, 5, 5, Concurrency{Total: 7}, 7},
		{10, 2, 2, Concurrency{PerTrigger: 3}, 6},
		{10, 2, 2, Concurrency{PerIntegration: 1}, 10},
	} {
		t.Run(fmt.Sprintf("%+v", test), func(t *testing.T) {
			simulate(t, Options{}, func(b *bench) {
				b.limits = test.limits
				plan := b.plan(Policy{}, nil)
				plan.Triggers = nil
				triggers := make([]*fakeTrigger, test.triggers)
				for n := range triggers {
					triggers[n] = &fakeTrigger{log: b.log, run: func(context.Context, *trigger.Attempt) trigger.Result {
						time.Sleep(time.Second)
						return resultOK
					}}
					plan.Triggers = append(plan.Triggers, triggers[n])
				}
				var types []string
				for n := range test.types {
					f := triggers[n%test.triggers]
					types = append(types, fmt.Sprint("type-", n))
					f.types = append(f.types, types[n])
				}
				b.d.Use(plan)
				b.warm(test.integrations, types...)
				for n := range 3000 {
					b.events.accept(n%test.integrations, fmt.Sprint("type-", n%test.types))
				}
				b.pass(30*time.Second + time.Millisecond)
				if b.log.most != test.want {
					t.Errorf("%d at once, want %d", b.log.most, test.want)
				}
				// The limits are used, too.
				if n, want := len(b.log.all()), min(30*test.want, 3000); n != want {
					t.Errorf("%d attempts in 30 s, want %d", n, want)
				}
				b.pass(time.Hour)
				b.want(0, 3000, 0)
			})
		})
	}
}

// spreads are ways in which a backlog may lie, with the memory that an event
// of it may take, in bytes.
var spreads = []struct {
	name string
	each int // events for each integration
	due  time.Duration
	most int
}{
	{"one integration", 1_000_000, 0, 32},
	{"a thousand each", 1000, 0, 40},
	{"a thousand each, delayed", 1000, time.Hour, 64},
	{"one each, and a resource", 1, 0, 480},
}

// fill schedules n pending events and returns the memory they take.
func fill(tb testing.TB, n, each int, due time.Duration) int {
	events := &millionEvents{}
	d := New(Options{Events: events})
	before := heapSize()
	if err := d.Start(); err != nil {
		tb.Fatal(err)
	}
	ref := storage.Ref{ResourceType: "assistant", Due: time.Now().Add(due)}
	for i := range n {
		ref.Integration, ref.WebhookID = identity(i/each), fmt.Sprint("webhook-", i/each)
		ref.Project, ref.ResourceID = fmt.Sprint("project-", i/each/100), fmt.Sprint("resource-", i/each)
		binary.BigEndian.PutUint64(ref.ID[8:], uint64(i)+1)
		events.fn(ref)
	}
	used := heapSize() - before
	if got := d.schedule.queues["assistant"].pending; got != n {
		tb.Errorf("%d are scheduled", got)
	}
	if err := d.Stop(tb.Context()); err != nil {
		tb.Error(err)
	}
	return int(used)
}

// Pending events take little memory, however they are spread.
func TestMemory(t *testing.T) {
	const n = 100_000
	for _, spread := range spreads {
		if used := fill(t, n, spread.each, spread.due) / n; used > spread.most {
			t.Errorf("%s: %d bytes an event, want at most %d", spread.name, used, spread.most)
		}
	}
}

// BenchmarkMillionPending shows the memory that a million pending events
// take, and the time to schedule them at a start.
func BenchmarkMillionPending(b *testing.B) {
	for _, spread := range spreads {
		b.Run(spread.name, func(b *testing.B) {
			used := 0
			for b.Loop() {
				used = fill(b, 1_000_000, spread.each, spread.due)
			}
			b.ReportMetric(float64(used)/(1<<20), "MiB")
		})
	}
}

func heapSize() uint64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

type millionEvents struct {
	storage.Events
	fn func(storage.Ref)
}

func (m *millionEvents) Watch(watcher storage.Watcher) (func(), error) {
	m.fn = watcher.Pending
	return func() {}, nil
}

// BenchmarkEvent is what the dispatcher itself adds to an event's way.
func BenchmarkEvent(b *testing.B) {
	events := &passingEvents{}
	var done sync.WaitGroup
	d := New(Options{Events: events, Observe: func(string, string, time.Duration) { done.Done() }})
	if err := d.Start(); err != nil {
		b.Fatal(err)
	}
	d.Use(&Plan{
		Triggers:    []trigger.Trigger{passingTrigger{}},
		Integration: func(string, storage.Identity) IntegrationState { return Enabled },
	})
	b.ReportAllocs()
	done.Add(b.N)
	for n := range b.N {
		events.fn(storage.Ref{ID: storage.ID{15: 1}, Integration: identity(n % 100), ResourceType: "assistant"})
	}
	done.Wait()
	if err := d.Stop(b.Context()); err != nil {
		b.Error(err)
	}
}

type passingEvents struct{ millionEvents }

func (*passingEvents) Claim(context.Context, storage.Identity, storage.ID) (*storage.Record, error) {
	return &storage.Record{Event: storage.Event{ResourceType: "assistant"}}, nil
}

func (*passingEvents) Finish(context.Context, storage.Identity, storage.ID, storage.Attempt, storage.Status, time.Time) error {
	return nil
}

type passingTrigger struct{}

func (passingTrigger) ResourceTypes() []string                              { return []string{"assistant"} }
func (passingTrigger) Allow(string, trigger.Resource) error                 { return nil }
func (passingTrigger) Run(context.Context, *trigger.Attempt) trigger.Result { return resultOK }
