package dispatch

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/module/storage"
	"github.com/hookgate/hookgate/module/trigger"
)

// timed is a trigger that says how long an attempt may take.
type timed struct {
	trigger.Trigger
	timeout time.Duration
}

func (t timed) AttemptTimeout() time.Duration { return t.timeout }

// TestDeadline ends an attempt that waits for nothing but its ctx. A trigger that
// sets no time has the default.
func TestDeadline(t *testing.T) {
	wait := func(ctx context.Context, _ *trigger.Attempt) trigger.Result {
		<-ctx.Done()
		return trigger.Result{}
	}
	for name, want := range map[string]struct {
		wrap func(trigger.Trigger) trigger.Trigger
		took time.Duration
	}{
		"none":    {func(t trigger.Trigger) trigger.Trigger { return struct{ trigger.Trigger }{t} }, time.Minute},
		"zero":    {func(t trigger.Trigger) trigger.Trigger { return timed{t, 0} }, time.Minute},
		"its own": {func(t trigger.Trigger) trigger.Trigger { return timed{t, 3 * time.Minute} }, 3 * time.Minute},
	} {
		simulate(t, Options{}, func(b *bench) {
			plan := b.plan(Policy{Attempts: 1}, wait)
			plan.Triggers[0] = want.wrap(plan.Triggers[0])
			b.d.Use(plan)
			id := b.events.accept(0, "assistant")
			b.pass(10 * time.Minute)
			record := b.events.get(id)
			if record.Status != storage.Failed || len(record.Attempts) != 1 ||
				record.Attempts[0].Error != trigger.ErrTimeout || record.Attempts[0].Duration != want.took {
				t.Errorf("%s: %+v", name, record.State)
			}
		})
	}
}

// TestDeadlineLeavesWhatIsSaid: a verdict or a code of the trigger's own stays.
func TestDeadlineLeavesWhatIsSaid(t *testing.T) {
	for want, result := range map[string]trigger.Result{
		"":                      {Verdict: trigger.Delivered},
		"queue_full":            {Verdict: trigger.Retry, Error: "queue_full"},
		trigger.ErrExpired:      {Verdict: trigger.Fail},
		strings.Repeat("x", 64): {Verdict: trigger.Fail, Error: strings.Repeat("x", 1<<20)},
	} {
		simulate(t, Options{}, func(b *bench) {
			plan := b.plan(Policy{Attempts: 1}, func(ctx context.Context, _ *trigger.Attempt) trigger.Result {
				<-ctx.Done()
				return result
			})
			plan.Triggers[0] = timed{plan.Triggers[0], time.Second}
			b.d.Use(plan)
			id := b.events.accept(0, "assistant")
			b.pass(10 * time.Minute)
			if attempts := b.events.get(id).Attempts; len(attempts) != 1 || attempts[0].Error != want {
				t.Errorf("%q: %+v", want, attempts)
			}
		})
	}
}
