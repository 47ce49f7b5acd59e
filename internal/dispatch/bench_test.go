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
		b.verify()
	})
}

// verify holds what the schedule counts and where it has things against each
// other, when nothing is in flight.
func (b *bench) verify() {
	b.Helper()
	s := &b.d.schedule
	if s.busy != 0 || s.aside != 0 || s.bytes != [standings]int64{} || len(s.running) != 0 || !s.young.empty() {
		b.Errorf("%d in flight, %d aside, bytes %v, %v after the end", s.busy, s.aside, s.bytes, s.running)
	}
	endpoints := append([]*endpoint{s.unserved}, s.endpoints...)
	for _, g := range endpoints {
		resources, open := make(map[*project]int), 0
		for _, st := range s.order {
			if st.endpoint != g {
				continue
			}
			for key, r := range st.resources {
				if r.project != g.projects[key.project] || r.running != 0 || r.young != 0 || r.late != 0 {
					b.Errorf("%v: %d running, %d young, %d late", key, r.running, r.young, r.late)
				}
				resources[r.project]++
			}
		}
		for name, p := range g.projects {
			if p.resources != resources[p] || p.doubtful != 0 {
				b.Errorf("project %s counts %d resources and has %d; %d doubtful attempts", name, p.resources, resources[p], p.doubtful)
			}
			open += change(false, p.circuit.open)
		}
		if g.doubtful != 0 {
			b.Errorf("%d doubtful attempts", g.doubtful)
		}
		if g.openProjects != open || !g.late.empty() {
			b.Errorf("%d projects count as open of %d", g.openProjects, open)
		}
	}
	for _, st := range s.order {
		events, open, lanes := 0, 0, make(map[*resource]int32)
		for _, l := range st.lanes {
			events += int(l.events)
			lanes[l.resource]++
			if l.events <= 0 || l.dropped {
				b.Errorf("a lane with %d events is kept", l.events)
			}
			if l.resource.lanes.holds(l) != (!l.empty() && !l.held) {
				b.Errorf("a lane of %s with something to do, or none, is out of its place", l.webhookID)
			}
		}
		for key, r := range st.resources {
			open += change(false, r.circuit.open)
			if lanes[r] != r.attached || s.rest.holds(r) != (r.attached == 0) {
				b.Errorf("%v counts %d lanes and has %d", key, r.attached, lanes[r])
			}
		}
		if events != st.pending || st.inFlight() != 0 || open != st.openResources {
			b.Errorf("%s: counts %d pending, %d in flight, %d open; there are %d, %d open", st.resourceType, st.pending, st.inFlight(), st.openResources, events, open)
		}
	}
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

// warm has resources prove themselves, so that they may have as many attempts at
// once as the limits allow, and forgets that.
func (b *bench) warm(integrations int, types ...string) {
	b.Helper()
	const each = 100
	for _, events := range []int{each - 1, 1} { // one of them last: they are not remembered for ever
		for n := range integrations * events {
			for _, resourceType := range types {
				b.events.accept(n%integrations, resourceType)
			}
		}
		for b.events.count()[storage.Pending] > 0 {
			b.pass(time.Minute)
		}
	}
	b.want(0, integrations*each*len(types), 0)
	b.events.clear()
	b.log.clear()
	for _, resourceType := range types {
		if n := len(b.d.schedule.queues[resourceType].resources); n != integrations {
			b.Fatalf("%d resources are known, of %d", n, integrations)
		}
	}
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
	resultDenied  = trigger.Result{Verdict: trigger.RefusedCredential, StatusCode: 403, Error: trigger.ErrStatus}
	resultAway    = trigger.Result{Verdict: trigger.Retry, Error: trigger.ErrConnect}
	resultTimeout = trigger.Result{Verdict: trigger.Retry, Error: trigger.ErrTimeout}
)
