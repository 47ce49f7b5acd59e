package dispatch

import (
	"fmt"
	"testing"
	"time"
)

// A reload closes all circuits; attempts of before say nothing any more.
func TestReloadClosesCircuits(t *testing.T) {
	simulate(t, Options{}, func(b *bench) {
		plan := func() *Plan { return b.plan(Policy{Initial: time.Millisecond}, misbehaves, "assistant", "workflow") }
		b.d.Use(plan())
		for n := range 20 {
			for _, kind := range []string{"403", "hang", "limited", "500"} {
				b.events.acceptFor(kind, n, "assistant", fmt.Sprint(kind, "-", n))
				b.events.acceptFor(kind, n, "workflow", fmt.Sprint(kind, "-", n))
			}
		}
		b.events.acceptFor("401", 1, "workflow", "401-1")
		b.pass(3 * time.Minute)
		if got := b.d.Status()[0]; got.OpenProjects == 0 || got.OpenResources == 0 {
			t.Fatalf("got %+v", got)
		}
		before := b.spent("")
		b.d.Use(nil)
		b.pass(time.Minute)
		b.d.Use(plan())
		for _, got := range b.d.Status() {
			if got.OpenProjects+got.OpenResources != 0 {
				t.Errorf("got %+v", got)
			}
		}
		b.pass(100 * time.Millisecond)
		if n := b.spent("") - before; n < 60 {
			t.Errorf("%d attempts", n)
		}
	})
}

// What is known of resources is bounded, and is not kept for ever.
func TestMemoryOfResources(t *testing.T) {
	simulate(t, Options{}, func(b *bench) {
		b.d.Use(b.plan(Policy{Attempts: 1}, misbehaves))
		for n := range 5000 {
			b.events.acceptFor("demo", 0, "assistant", fmt.Sprint([]string{"ok", "403"}[n%2], "-", n))
			b.pass(10 * time.Millisecond)
		}
		b.events.acceptFor("other", 1, "assistant", "403-1")
		b.pass(100 * time.Second)
		b.want(0, 2500, 2501)
		st := b.d.schedule.queues["assistant"]
		if n := len(st.resources); n > mostIdle+1 || st.resources[resourceKey{"other", "403-1"}] == nil {
			t.Errorf("%d resources are known, another project's among them: %v", n, st.resources[resourceKey{"other", "403-1"}] != nil)
		}
		if got := b.d.Status()[0]; got.OpenResources == 0 || got.OpenResources > mostIdle+1 {
			t.Errorf("got %+v", got)
		}
		b.pass(remember)
		if got := b.d.Status()[0]; got.OpenResources+got.OpenProjects != 0 || len(st.resources)+len(st.endpoint.projects) != 0 {
			t.Errorf("got %+v, and %d resources of %d projects", got, len(st.resources), len(st.endpoint.projects))
		}
	})
}

// The circuit of a resource that fails for good at its first attempt opens all
// the same when there are others.
func TestCircuitOutlastsEvents(t *testing.T) {
	simulate(t, Options{}, func(b *bench) {
		b.d.Use(b.plan(Policy{Attempts: 1}, misbehaves))
		for range 100 {
			b.events.acceptFor("demo", 0, "assistant", "500-1")
			b.pass(100 * time.Millisecond)
		}
		if n := b.spent("500"); n > 5+4 {
			t.Errorf("%d attempts in ten seconds", n)
		}
	})
}
