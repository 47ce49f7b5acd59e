package dispatch

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookgate/hookgate/module/storage"
	"github.com/hookgate/hookgate/module/trigger"
)

// bench is a dispatcher over fakes, in a bubble of simulated time.
type bench struct {
	*testing.T
	events *fakeEvents
	log    *callLog
	d      *Dispatcher
	limits Concurrency // of the plans

	mu     sync.Mutex
	states map[string]IntegrationState // others are Enabled
}

// simulate runs a test in simulated time and checks at its end that every
// goroutine has ended and that the fakes saw no breach.
func simulate(t *testing.T, options Options, test func(b *bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &bench{T: t, events: newFakeEvents(), log: newCallLog(), states: make(map[string]IntegrationState)}
		b.start(options)
		test(b)
		b.stop()
		for _, breach := range append(b.events.breaches, b.log.breaches...) {
			t.Error(breach)
		}
		if n := b.d.schedule.all; n != (load{}) || len(b.d.schedule.running) != 0 {
			t.Errorf("%+v in flight after the end", n)
		}
		for _, st := range b.d.schedule.order {
			events := 0
			for _, l := range st.lanes {
				events += int(l.events)
				if l.events <= 0 || l.dropped {
					t.Errorf("a lane with %d events is kept", l.events)
				}
			}
			if events != st.pending || st.running != 0 {
				t.Errorf("%s: counts %d pending, %d running; its lanes have %d", st.resourceType, st.pending, st.running, events)
			}
		}
	})
}

func (b *bench) start(options Options) {
	b.Helper()
	options.Events = b.events
	b.d = New(options)
	if err := b.d.Start(); err != nil {
		b.Fatal(err)
	}
}

func (b *bench) stop() {
	b.Helper()
	if err := b.d.Stop(b.Context()); err != nil {
		b.Error(err)
	}
}

// plan makes a plan with one trigger for the types.
func (b *bench) plan(retry Policy, run func(context.Context, *trigger.Attempt) trigger.Result, types ...string) *Plan {
	if len(types) == 0 {
		types = []string{"assistant"}
	}
	return &Plan{
		Triggers:    []trigger.Trigger{&fakeTrigger{types: types, run: run, log: b.log}},
		Retry:       retry,
		Concurrency: b.limits,
		Integration: b.state,
	}
}

func (b *bench) state(webhookID string, _ storage.Identity) IntegrationState {
	b.mu.Lock()
	defer b.mu.Unlock()
	if state, ok := b.states[webhookID]; ok {
		return state
	}
	return Enabled
}

func (b *bench) setState(integration int, state IntegrationState) {
	b.mu.Lock()
	b.states[fmt.Sprint("hook-", integration)] = state
	b.mu.Unlock()
	b.d.Wake(identity(integration))
}

// pass lets simulated time go by.
func (b *bench) pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// want checks the counts of events.
func (b *bench) want(pending, delivered, failed int) {
	b.Helper()
	got := b.events.count()
	if got[storage.Pending] != pending || got[storage.Delivered] != delivered || got[storage.Failed] != failed {
		b.Fatalf("got %v; want %d pending, %d delivered, %d failed", got, pending, delivered, failed)
	}
}

// always answers with the result.
func always(result trigger.Result) func(context.Context, *trigger.Attempt) trigger.Result {
	return func(context.Context, *trigger.Attempt) trigger.Result { return result }
}

var (
	resultOK      = trigger.Result{Verdict: trigger.Delivered, StatusCode: 200}
	resultRetry   = trigger.Result{Verdict: trigger.Retry, StatusCode: 503, Error: trigger.ErrStatus}
	resultFail    = trigger.Result{Verdict: trigger.Fail, StatusCode: 404, Error: trigger.ErrStatus}
	resultRefused = trigger.Result{Verdict: trigger.RefusedCredential, StatusCode: 401, Error: trigger.ErrStatus}
)
