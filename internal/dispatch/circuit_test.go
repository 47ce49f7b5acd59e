package dispatch

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookgate/hookgate/module/trigger"
)

func TestCircuit(t *testing.T) {
	type step struct {
		at     time.Duration
		probe  int32 // as begin returned it
		health health
		least  time.Duration
		state  string // afterwards
		until  time.Duration
	}
	s := time.Second
	for name, steps := range map[string][]step{
		"five failures in a row": {
			{health: ill, state: StateClosed}, {health: ill, state: StateClosed}, {health: ill, state: StateClosed},
			{health: ill, state: StateClosed}, {at: 10 * s, health: ill, state: StateOpen, until: 11 * s},
		},
		"a success between": {
			{health: ill, state: StateClosed}, {health: ill, state: StateClosed}, {health: ill, state: StateClosed},
			{health: ill, state: StateClosed}, {health: well, state: StateClosed}, {health: ill, state: StateClosed},
		},
		"silence counts for nothing": {
			{health: ill, state: StateClosed}, {health: ill, state: StateClosed}, {health: ill, state: StateClosed},
			{health: ill, state: StateClosed}, {health: silent, state: StateClosed},
			{health: ill, state: StateOpen, until: 1 * s},
		},
		"a refused credential": {
			{health: refused, state: StateOpen, until: 1 * s},
			{health: ill, state: StateOpen, until: 1 * s}, // began before it opened
			{at: 1 * s, probe: 1, health: ill, state: StateOpen, until: 3 * s},
			{at: 3 * s, probe: 2, health: silent, state: StateHalfOpen, until: 3 * s},
			{at: 4 * s, probe: 2, health: refused, state: StateOpen, until: 8 * s},
			{at: 8 * s, probe: 3, health: well, state: StateClosed},
			{at: 9 * s, health: refused, state: StateOpen, until: 10 * s},
		},
		"a late success closes": {
			{health: refused, state: StateOpen, until: 1 * s},
			{health: well, state: StateClosed},
		},
		"a while that was asked for": {
			{health: ill, least: 10 * s, state: StateOpen, until: 10 * s},
			{at: 1 * s, health: ill, least: 20 * s, state: StateOpen, until: 21 * s}, // began before
			{at: 21 * s, probe: 1, health: ill, least: 2 * s, state: StateOpen, until: 23 * s},
			{at: 23 * s, probe: 2, health: ill, state: StateClosed}, // three in a row
			{at: 24 * s, health: ill, state: StateClosed},
			{at: 25 * s, health: ill, least: 100 * time.Millisecond, state: StateOpen, until: 26 * s},
			{at: 26 * s, probe: 3, health: ill, state: StateOpen, until: 28 * s},
			{at: 28 * s, probe: 4, health: ill, least: 10 * s, state: StateOpen, until: 38 * s},
			{at: 38 * s, probe: 5, health: well, state: StateClosed},
		},
		"the probe of an earlier opening": {
			{health: refused, state: StateOpen, until: 1 * s},
			{at: 2 * s, health: well, state: StateClosed},
			{at: 2 * s, health: refused, state: StateOpen, until: 3 * s},
			{at: 2 * s, probe: 1, health: ill, state: StateOpen, until: 3 * s},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var c circuit
			for i, step := range steps {
				if step.probe != 0 && step.probe == c.cycle {
					if !c.allows(proven, step.at) || c.begin() != step.probe || c.allows(proven, step.at) {
						t.Fatalf("step %d: no single probe is allowed", i)
					}
				}
				c.end(step.probe, step.health, step.least, step.at)
				if got := c.state(step.at); got != step.state || step.until != 0 && c.until != step.until {
					t.Fatalf("step %d: %s until %v", i, got, c.until)
				}
			}
		})
	}
}

// While an endpoint is down, attempts follow the circuit: five, then single
// probes after 1 s, doubling to 1 min.
func TestCircuitPaces(t *testing.T) {
	simulate(t, Options{}, func(b *bench) {
		began := time.Now()
		var up atomic.Bool
		b.d.Use(b.plan(Policy{Initial: time.Millisecond, Max: time.Millisecond, For: time.Hour},
			func(context.Context, *trigger.Attempt) trigger.Result {
				if up.Load() {
					return resultOK
				}
				return resultAway
			}, "assistant", "workflow"))
		b.events.accept(0, "assistant")
		b.events.accept(0, "workflow") // shares the circuit
		b.pass(5 * time.Minute)

		want := []time.Duration{1, 3, 7, 15, 31, 63, 123, 183, 243}
		var got []time.Duration
		calls := b.log.all()
		for _, c := range calls[5:] {
			got = append(got, c.began.Sub(began).Round(time.Second)/time.Second)
		}
		if !slices.Equal(got, want) {
			t.Errorf("probes after %v s, want %v", got, want)
		}
		for _, status := range b.d.Status() {
			if status.State != StateOpen {
				t.Errorf("%s is %s", status.ResourceType, status.State)
			}
		}
		up.Store(true)
		b.pass(time.Minute)
		b.want(0, 2, 0)
		for _, status := range b.d.Status() {
			if status.State != StateClosed {
				t.Errorf("%s is %s", status.ResourceType, status.State)
			}
		}
	})
}

// One refused credential opens the circuit, and another plan closes it.
func TestCircuitOfRefusedCredential(t *testing.T) {
	simulate(t, Options{}, func(b *bench) {
		b.d.Use(b.plan(Policy{}, always(resultRefused)))
		b.events.accept(0, "assistant")
		b.pass(0)
		if got := b.d.Status()[0]; got != (TriggerStatus{ResourceType: "assistant", State: StateClosed, OpenProjects: 1}) {
			t.Fatalf("got %+v", got)
		}
		// What comes now is neither attempted nor uses up anything.
		for range 10 {
			b.events.accept(1, "assistant")
		}
		b.pass(500 * time.Millisecond)
		if n := len(b.log.all()); n != 1 {
			t.Fatalf("%d attempts, want 1", n)
		}
		b.d.Use(b.plan(Policy{}, always(resultOK)))
		b.pass(time.Second)
		b.want(0, 11, 0)
	})
}

// Only one attempt probes a half-open circuit, however long it takes.
func TestHalfOpenHasOneProbe(t *testing.T) {
	simulate(t, Options{}, func(b *bench) {
		first := true
		b.d.Use(b.plan(Policy{}, func(context.Context, *trigger.Attempt) trigger.Result {
			if first {
				first = false
				return resultRefused
			}
			time.Sleep(time.Minute)
			return resultOK
		}))
		b.events.accept(0, "assistant")
		b.pass(0)
		for range 100 {
			b.events.accept(1, "assistant")
		}
		b.pass(59 * time.Second)
		if got := b.d.Status()[0]; got.OpenProjects != 1 || got.InFlight != 1 {
			t.Errorf("got %+v", got)
		}
		b.pass(2 * time.Minute)
		if got := b.d.Status()[0]; got.OpenProjects != 0 || got.InFlight < 16 {
			t.Errorf("got %+v", got)
		}
		b.pass(time.Hour)
		b.want(0, 101, 0)
	})
}

// What an integration does wrong says nothing about the endpoint.
func TestProbeThatAsksNobody(t *testing.T) {
	simulate(t, Options{}, func(b *bench) {
		results := []trigger.Result{resultRefused, {Verdict: trigger.Fail, Error: trigger.ErrRequestInvalid}, resultOK}
		b.d.Use(b.plan(Policy{Initial: time.Hour}, func(context.Context, *trigger.Attempt) trigger.Result {
			result := results[0]
			results = results[1:]
			return result
		}))
		for range 3 {
			b.events.accept(0, "assistant")
			b.pass(0)
		}
		b.setState(0, Enabled)
		b.pass(1100 * time.Millisecond)
		b.want(1, 1, 1)
	})
}
