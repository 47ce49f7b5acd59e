package dispatch

import (
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/hookgate/hookgate/internal/payload"
	"github.com/hookgate/hookgate/module/storage"
	"github.com/hookgate/hookgate/module/trigger"
)

// Events of a project whose shapes take long wait for each other, in few workers, and
// those of another one for none of them. Waiting is no attempt.
func TestShapingTakesTurns(t *testing.T) {
	shape, err := payload.Compile(payload.Spec{Template: "constant"})
	if err != nil {
		t.Fatal(err)
	}
	simulate(t, Options{}, func(b *bench) {
		plan := b.plan(Policy{Attempts: 1}, func(context.Context, *trigger.Attempt) trigger.Result { return resultOK })
		plan.Shape = func(string) (Shape, error) { return shape.Apply, nil }
		b.d.Use(plan)
		var ends []func()
		for range max(1, runtime.GOMAXPROCS(0)/2) {
			end, err := b.d.shaping.Take(t.Context(), "demo", 1)
			if err != nil {
				t.Fatal(err)
			}
			ends = append(ends, end)
		}
		var waiting []storage.ID
		for i := range 300 {
			waiting = append(waiting, b.events.accept(i%30, "assistant"))
		}
		for i := range 20 {
			b.events.acceptFor("other", 40, "assistant", "r")
			b.pass(time.Millisecond)
			b.want(300, i+1, 0)
			b.pass(time.Second)
		}
		for _, end := range ends {
			end()
		}
		b.pass(time.Hour)
		b.want(0, 320, 0)
		for _, id := range waiting {
			if got := b.events.get(id); len(got.Attempts) != 1 || got.Attempts[0].Error != "" {
				t.Fatalf("%v: %+v", id, got.Attempts)
			}
		}
	})
}
