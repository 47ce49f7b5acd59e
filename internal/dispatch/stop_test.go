package dispatch

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookgate/hookgate/module/storage"
	"github.com/hookgate/hookgate/module/trigger"
)

// Attempts that end within the grace time are recorded; nothing new begins.
func TestStopDrains(t *testing.T) {
	simulate(t, Options{}, func(b *bench) {
		b.d.Use(b.plan(Policy{}, func(context.Context, *trigger.Attempt) trigger.Result {
			time.Sleep(4 * time.Second)
			return resultOK
		}))
		b.warm(1, "assistant")
		for range 100 {
			b.events.accept(0, "assistant")
		}
		b.pass(time.Second)
		began := time.Now()
		b.stop()
		if took := time.Since(began); took != 3*time.Second {
			t.Errorf("stopping took %v", took)
		}
		b.want(68, 32, 0)
		b.d.Use(b.plan(Policy{}, always(resultOK)))
		b.d.Wake(identity(0))
		b.pass(time.Hour)
		b.want(68, 32, 0)
	})
}

// An attempt that is cut off is no attempt; what it says of an end counts.
func TestStopCutsOff(t *testing.T) {
	for name, test := range map[string]struct {
		result                     trigger.Result
		pending, delivered, failed int
	}{
		"retry":     {resultRetry, 1, 0, 0},
		"refused":   {resultRefused, 1, 0, 0},
		"goes on":   {trigger.Result{Verdict: trigger.Pending}, 1, 0, 0},
		"delivered": {resultOK, 0, 1, 0},
		"failed":    {trigger.Result{Verdict: trigger.Fail, Error: trigger.ErrStartUnknown}, 0, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			simulate(t, Options{Grace: 2 * time.Second}, func(b *bench) {
				b.d.Use(b.plan(Policy{Attempts: 1}, func(ctx context.Context, _ *trigger.Attempt) trigger.Result {
					<-ctx.Done()
					return test.result
				}))
				id := b.events.accept(0, "assistant")
				b.pass(time.Hour)
				began := time.Now()
				b.stop()
				if took := time.Since(began); took != 2*time.Second {
					t.Errorf("stopping took %v", took)
				}
				b.want(test.pending, test.delivered, test.failed)
				if test.pending == 0 {
					return
				}
				if got := b.events.get(id); got.Tries != 0 || b.events.releases != 1 {
					t.Errorf("got %+v", got.State)
				}
				// Another start takes it up at once.
				b.start(Options{})
				b.d.Use(b.plan(Policy{}, always(resultOK)))
				b.pass(time.Second)
				b.want(0, 1, 0)
			})
		})
	}
}

// A context that is done ends the patience, not the release of the claims.
func TestStopWithoutPatience(t *testing.T) {
	simulate(t, Options{Grace: time.Hour}, func(b *bench) {
		b.d.Use(b.plan(Policy{}, func(ctx context.Context, _ *trigger.Attempt) trigger.Result {
			<-ctx.Done()
			return trigger.Result{Error: trigger.ErrTimeout}
		}))
		b.events.accept(0, "assistant")
		b.pass(time.Second)
		ctx, cancel := context.WithTimeout(b.Context(), time.Second)
		defer cancel()
		if err := b.d.Stop(ctx); err != nil {
			t.Error(err)
		}
		b.want(1, 0, 0)
		if b.events.releases != 1 {
			t.Error("the claim was not released")
		}
	})
}

// A trigger that does not heed its context does not hold up the stop for ever.
func TestStopWithStuckTrigger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bench{T: t, events: newFakeEvents(), log: newCallLog()}
		b.start(Options{})
		b.d.Use(b.plan(Policy{}, func(context.Context, *trigger.Attempt) trigger.Result {
			time.Sleep(time.Hour)
			return resultOK
		}))
		b.events.accept(0, "assistant")
		b.pass(time.Second)
		began := time.Now()
		if err := b.d.Stop(t.Context()); !errors.Is(err, errStuck) {
			t.Errorf("got %v", err)
		}
		if took := time.Since(began); took != 5*time.Second+cutTime {
			t.Errorf("stopping took %v", took)
		}
		b.pass(time.Hour) // what was stuck ends, and what it says is recorded
		b.want(0, 1, 0)
	})
}

func TestStopWithoutWork(t *testing.T) {
	simulate(t, Options{}, func(b *bench) {
		b.stop() // and again by simulate
	})
	d := New(Options{Events: newFakeEvents()})
	if err := d.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}

// A stop does not wait for a storage that is out of order.
func TestStopDuringFault(t *testing.T) {
	simulate(t, Options{}, func(b *bench) {
		b.d.Use(b.plan(Policy{}, always(resultOK)))
		b.events.fail = func(call string, id storage.ID) error {
			if call == "finish" || id[15]%2 == 0 {
				return storage.ErrUnavailable
			}
			return nil
		}
		for range 10 {
			b.events.accept(0, "assistant")
		}
		b.pass(time.Minute)
		began := time.Now()
		b.stop()
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("stopping took %v", took)
		}
	})
}
