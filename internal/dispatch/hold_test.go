package dispatch

import (
	"context"
	"testing"
	"time"

	"github.com/hookgate/hookgate/module/storage"
	"github.com/hookgate/hookgate/module/trigger"
)

func TestHeldWhileDisabled(t *testing.T) {
	simulate(t, Options{}, func(b *bench) {
		b.d.Use(b.plan(Policy{For: time.Minute}, always(resultOK), "assistant", "workflow"))
		b.setState(0, Disabled)
		for range 100 {
			b.events.accept(0, "assistant")
			b.events.accept(0, "workflow")
		}
		b.events.accept(1, "assistant")
		b.pass(100 * time.Hour)
		b.want(200, 1, 0)
		if b.events.claims != 1 {
			t.Errorf("%d claims, want 1", b.events.claims)
		}
		b.setState(0, Enabled)
		b.pass(0)
		b.want(0, 201, 0)
	})
}

func TestHeldDoesNotExpire(t *testing.T) {
	simulate(t, Options{}, func(b *bench) {
		b.d.Use(b.plan(Policy{For: time.Minute}, always(resultRefused)))
		b.setState(0, Disabled)
		b.events.accept(0, "assistant")
		b.events.accept(1, "assistant")
		b.events.accept(1, "assistant")
		b.pass(time.Hour)
		b.want(1, 0, 2)
		if got := b.events.get(storage.ID{15: 1}); got.Tries != 0 {
			t.Errorf("got %+v", got.State)
		}
	})
}

func TestDisabledDuringClaim(t *testing.T) {
	simulate(t, Options{}, func(b *bench) {
		b.d.Use(b.plan(Policy{}, always(resultOK)))
		b.events.fail = func(call string, _ storage.ID) error {
			if call == "claim" {
				b.mu.Lock()
				defer b.mu.Unlock()
				b.states["hook-0"] = Disabled
			}
			return nil
		}
		b.events.accept(0, "assistant")
		b.pass(time.Minute)
		b.want(1, 0, 0)
		if b.events.releases != 1 {
			t.Errorf("%d releases", b.events.releases)
		}
	})
}

func TestEnabledDuringLookup(t *testing.T) {
	simulate(t, Options{}, func(b *bench) {
		plan := b.plan(Policy{}, always(resultOK))
		asked := 0
		plan.Integration = func(string, storage.Identity) IntegrationState {
			asked++
			if asked > 1 {
				return Enabled
			}
			b.d.Wake(identity(0)) // enabled just now
			return Disabled
		}
		b.d.Use(plan)
		b.events.accept(0, "assistant")
		b.pass(0)
		b.want(0, 1, 0)
	})
}

func TestUnknownIsAskedAgain(t *testing.T) {
	simulate(t, Options{}, func(b *bench) {
		b.d.Use(b.plan(Policy{}, always(resultOK)))
		b.states["hook-0"] = Unknown
		for range 100 {
			b.events.accept(0, "assistant")
		}
		b.pass(time.Minute)
		b.want(100, 0, 0)
		b.mu.Lock()
		b.states["hook-0"] = Enabled // and nobody says so
		b.mu.Unlock()
		b.pass(time.Second)
		b.want(0, 100, 0)
	})
}

func TestDeleted(t *testing.T) {
	simulate(t, Options{}, func(b *bench) {
		b.d.Use(b.plan(Policy{}, func(context.Context, *trigger.Attempt) trigger.Result {
			time.Sleep(time.Minute)
			return resultRetry
		}))
		for range 100 {
			b.events.accept(0, "assistant")
		}
		b.pass(2 * time.Minute) // some wait, some run, some are delayed
		attempts := len(b.log.all())
		b.events.drop(0)
		b.setState(0, Deleted)
		b.pass(time.Hour)
		if n := len(b.log.all()) - attempts; n > 16 {
			t.Errorf("%d attempts after the deletion", n)
		}
		st := b.d.schedule.queues["assistant"]
		if st.pending != 0 || len(st.lanes) != 0 {
			t.Errorf("%d events are still scheduled", st.pending)
		}
	})
}

func TestDeletedDuringAttempt(t *testing.T) {
	simulate(t, Options{}, func(b *bench) {
		b.d.Use(b.plan(Policy{}, func(context.Context, *trigger.Attempt) trigger.Result {
			b.events.drop(0)
			return resultRetry
		}))
		b.events.accept(0, "assistant")
		b.pass(0)
		if n := b.d.schedule.queues["assistant"].pending; n != 0 {
			t.Errorf("%d are scheduled", n)
		}
	})
}

func TestTriggerGone(t *testing.T) {
	simulate(t, Options{}, func(b *bench) {
		b.d.Use(b.plan(Policy{For: time.Minute}, always(resultOK), "workflow"))
		b.events.accept(0, "assistant")
		b.events.accept(0, "workflow")
		b.pass(100 * time.Hour)
		b.want(1, 1, 0)
		b.d.Use(b.plan(Policy{For: time.Minute}, always(resultOK), "workflow", "assistant"))
		b.pass(0)
		b.want(0, 2, 0)
	})
}

func TestPlanSwap(t *testing.T) {
	simulate(t, Options{}, func(b *bench) {
		slow := func(_ context.Context, attempt *trigger.Attempt) trigger.Result {
			time.Sleep(10 * time.Second)
			if attempt.Number == 1 {
				return resultRetry
			}
			return resultOK
		}
		b.d.Use(b.plan(Policy{Attempts: 1}, slow))
		for n := range 200 {
			b.events.accept(n%5, "assistant")
		}
		b.pass(time.Second) // one of each runs by the first plan, which gives up at once
		for n := range 500 {
			if n%7 == 0 {
				b.d.Use(nil)
			} else {
				b.d.Use(b.plan(Policy{Initial: time.Millisecond, Max: time.Millisecond}, slow))
			}
			b.pass(100 * time.Millisecond)
		}
		b.d.Use(b.plan(Policy{}, slow))
		b.pass(3 * time.Hour)
		b.want(0, 195, 5)
	})
}
