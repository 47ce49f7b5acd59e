package dispatch

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/hookgate/hookgate/module/storage"
	"github.com/hookgate/hookgate/module/trigger"
)

// acceptBytes stores a new event with a body of the given size.
func (b *bench) acceptBytes(integration, size int) storage.ID {
	return b.acceptBody(integration, make([]byte, size))
}

// acceptBody stores a new event with this body.
func (b *bench) acceptBody(integration int, body []byte) storage.ID {
	now := time.Now()
	return b.events.store(storage.Record{
		Event: storage.Event{
			Integration: identity(integration), WebhookID: fmt.Sprint("hook-", integration),
			Project: "demo", ResourceType: "assistant", ResourceID: fmt.Sprint("r-", integration), ReceivedAt: now, Body: body,
		},
		State: storage.State{Status: storage.Pending, Due: now, QueuedAt: now},
	})
}

// The bodies that attempts hold are bounded, in all and for one integration.
func TestBytes(t *testing.T) {
	const kilo = 1 << 10
	for name, test := range map[string]struct {
		integrations, size int
		most               int // at once
	}{
		"small":                          {integrations: 40, size: 10, most: 64},
		"the quarter of one integration": {integrations: 1, size: 10 * kilo, most: 2},
		"one integration's only event":   {integrations: 1, size: 40 * kilo, most: 1},
		"all of them":                    {integrations: 40, size: 10 * kilo, most: 10},
		"events of more than the bound":  {integrations: 40, size: 500 * kilo, most: 2},
	} {
		t.Run(name, func(t *testing.T) {
			simulate(t, Options{}, func(b *bench) {
				b.limits = Concurrency{Bytes: 100 * kilo}
				b.d.Use(b.plan(Policy{}, func(context.Context, *trigger.Attempt) trigger.Result {
					time.Sleep(time.Second)
					return resultOK
				}))
				b.warm(test.integrations, "assistant")
				for n := range 200 {
					b.acceptBytes(n%test.integrations, test.size)
				}
				b.pass(time.Hour)
				b.want(0, 200, 0)
				if b.log.most != test.most {
					t.Errorf("%d at once, want %d", b.log.most, test.most)
				}
			})
		})
	}
}

// Large bodies in front of a trigger that hangs do not hold up small ones.
func TestBytesAreShared(t *testing.T) {
	simulate(t, Options{}, func(b *bench) {
		b.limits = Concurrency{Bytes: 1000}
		b.d.Use(b.plan(Policy{}, func(_ context.Context, attempt *trigger.Attempt) trigger.Result {
			if len(attempt.Event.Body) > 1 {
				time.Sleep(time.Hour)
			}
			return resultOK
		}))
		for n := range 100 {
			b.acceptBytes(n%2, 200)
		}
		b.pass(time.Second)
		for range 100 {
			b.acceptBytes(2, 1)
		}
		b.pass(0)
		b.want(100, 100, 0)
		b.pass(200 * time.Hour)
		b.want(0, 200, 0)
	})
}

// What waits for an open circuit's time to end is bounded, too.
func TestBytesOfOverdue(t *testing.T) {
	simulate(t, Options{}, func(b *bench) {
		b.limits = Concurrency{Bytes: 1000}
		plan := b.plan(Policy{For: time.Minute}, always(resultRefused))
		plan.Integration = func(string, storage.Identity) IntegrationState {
			time.Sleep(time.Millisecond) // with the claim in hand, the second time
			return Enabled
		}
		b.d.Use(plan)
		held, most := 0, 0
		b.events.fail = func(call string, id storage.ID) error {
			switch size := len(b.events.records[id].Body); call {
			case "claim":
				held += size
				most = max(most, held)
			case "finish", "release":
				held -= size
			}
			return nil
		}
		for n := range 100 {
			b.acceptBytes(n, 100)
		}
		b.pass(time.Hour)
		b.want(0, 0, 100)
		if most == 0 || most > 1000 {
			t.Errorf("%d bytes at once", most)
		}
	})
}

// A trigger may say how many attempts it can take.
type limitedTrigger struct {
	fakeTrigger
	limit int
}

func (l *limitedTrigger) ConcurrencyLimit() int { return l.limit }

func TestLimitOfTrigger(t *testing.T) {
	for limit, want := range map[int]int{0: 20 + 5, 3: 3, 200: 100} {
		simulate(t, Options{}, func(b *bench) {
			b.limits = Concurrency{PerTrigger: 20, Total: 100}
			plan := b.plan(Policy{}, func(context.Context, *trigger.Attempt) trigger.Result {
				time.Sleep(time.Second)
				return resultOK
			})
			plan.Triggers[0] = &limitedTrigger{*plan.Triggers[0].(*fakeTrigger), limit}
			b.d.Use(plan)
			b.warm(50, "assistant")
			for n := range 500 {
				b.events.accept(n%50, "assistant")
			}
			b.pass(time.Hour)
			b.want(0, 500, 0)
			if b.log.most != want {
				t.Errorf("a limit of %d: %d at once, want %d", limit, b.log.most, want)
			}
		})
	}
}

// Another plan's limits hold at once, for what begins from then on.
func TestLimitsChange(t *testing.T) {
	simulate(t, Options{}, func(b *bench) {
		slow := func(context.Context, *trigger.Attempt) trigger.Result {
			time.Sleep(time.Minute)
			return resultOK
		}
		for n := range 2000 {
			b.acceptBytes(n%50, 1000)
		}
		for _, step := range []struct {
			limits Concurrency
			want   int
		}{
			{Concurrency{PerTrigger: 3}, 3},
			{Concurrency{Bytes: 10_000}, 10},
			{Concurrency{Total: 40}, 40},
			{Concurrency{PerIntegration: 1}, 50},
		} {
			b.limits = step.limits
			b.d.Use(b.plan(Policy{}, slow))
			b.pass(6 * time.Minute) // those of the plan before end, and these prove themselves
			if got := b.d.Status()[0].InFlight; got != step.want {
				t.Errorf("%+v: %d at once, want %d", step.limits, got, step.want)
			}
		}
		b.pass(time.Hour)
		b.want(0, 2000, 0)
	})
}

// slowEvents takes its time to record an attempt.
type slowEvents struct{ *fakeEvents }

func (s slowEvents) Finish(ctx context.Context, integration storage.Identity, id storage.ID, attempt storage.Attempt, status storage.Status, due time.Time) error {
	time.Sleep(time.Second)
	return s.fakeEvents.Finish(ctx, integration, id, attempt, status, due)
}

// While a result is being recorded, another attempt takes the place at the
// endpoint; what waits for the storage is bounded all the same.
func TestRecordingHoldsNoPlace(t *testing.T) {
	simulate(t, Options{}, func(b *bench) {
		b.stop()
		b.d = New(Options{Events: slowEvents{b.events}})
		if err := b.d.Start(); err != nil {
			t.Fatal(err)
		}
		b.limits = Concurrency{PerTrigger: 2, PerIntegration: 1, Total: 40, Bytes: 400}
		b.d.Use(b.plan(Policy{}, func(context.Context, *trigger.Attempt) trigger.Result {
			time.Sleep(10 * time.Millisecond)
			return resultOK
		}))
		for n := range 1000 {
			b.acceptBytes(n%2, 100)
		}
		b.pass(10*time.Second + 500*time.Millisecond)
		if n := len(b.log.all()); n < 400 || n > 440 {
			t.Errorf("%d attempts in ten seconds and a half", n)
		}
		b.pass(time.Minute)
		b.want(0, 1000, 0)
		if b.log.most != 2 {
			t.Errorf("%d at once", b.log.most)
		}
	})
}
