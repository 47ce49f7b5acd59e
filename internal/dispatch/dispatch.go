// Package dispatch attempts what is pending: it picks the event whose turn it
// is, claims it, runs its trigger, records the result, and tries again later
// when that may help.
//
// The storage holds the truth. The dispatcher keeps a few bytes for each
// pending event, so that it never has to look for work, and starts a
// goroutine for each attempt, of which there are at most Concurrency.Total.
package dispatch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/hookgate/hookgate/internal/turns"
	"github.com/hookgate/hookgate/module/storage"
)

// Options are the settings of a Dispatcher. Only Events is required.
type Options struct {
	// Events is where the events are. It must stay open until Stop returns.
	Events storage.Events

	// Logger gets a line for each event that ends. Default: none.
	Logger *zap.Logger

	// Grace is how long Stop waits for attempts before it cuts them off.
	// Default: 5s.
	Grace time.Duration

	// Observe is called after each attempt; outcome is "delivered" or the
	// attempt's error code. Default: nothing.
	Observe func(resourceType, outcome string, took time.Duration)
}

// Dispatcher attempts pending events. It lives as long as their storage; each
// configuration tells it what to do with Use.
type Dispatcher struct {
	events  storage.Events
	logger  *zap.Logger
	grace   time.Duration
	observe func(resourceType, outcome string, took time.Duration)
	began   time.Time // the zero of the schedule's time, monotonic
	shaping *turns.Turns

	// stopping is done when nothing new may begin, cut when attempts that
	// are under way have to end.
	stopping, cut context.Context
	stop, cutOff  context.CancelFunc
	workers       sync.WaitGroup
	stopWatching  func()
	lastFault     time.Time // when one was logged; guarded by mu

	mu       sync.Mutex
	session  *session // of the jobs that begin now
	schedule schedule
	hasPlan  bool
	farthest time.Duration // no due time of the storage is believed beyond
	warning  *time.Timer   // pending while it is not nil
	timer    *time.Timer
	wakeAt   time.Duration
}

// day is how far off a due time in the storage may be before there is a plan.
const day = 24 * time.Hour

// New returns a Dispatcher that does nothing until Start and Use.
func New(options Options) *Dispatcher {
	d := &Dispatcher{
		events:   options.Events,
		logger:   cmp.Or(options.Logger, zap.NewNop()),
		grace:    cmp.Or(options.Grace, 5*time.Second),
		observe:  options.Observe,
		began:    time.Now(),
		shaping:  newShaping(),
		farthest: day,
		schedule: newSchedule(),
	}
	if d.observe == nil {
		d.observe = func(string, string, time.Duration) {}
	}
	d.stopping, d.stop = context.WithCancel(context.Background())
	d.cut, d.cutOff = context.WithCancel(context.Background())
	d.session = newSession(d.cut)
	return d
}

// Start begins to watch the storage for pending events. It is called once.
func (d *Dispatcher) Start() error {
	stop, err := d.events.Watch(storage.Watcher{Pending: d.add, Lost: d.lose})
	if err != nil {
		return fmt.Errorf("watching for pending events: %w", err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stopWatching = stop
	return nil
}

// Use makes attempts begin under the plan from now on, with closed circuits;
// attempts under way end under the plan they began with. With nil none begin.
func (d *Dispatcher) Use(plan *Plan) {
	var endpoints []*endpoint
	own := Plan{}
	if plan != nil {
		own = *plan
		own.Retry = own.Retry.withDefaults()
		own.Concurrency = own.Concurrency.withDefaults()
		for _, t := range own.Triggers {
			endpoints = append(endpoints, newEndpoint(t, &own))
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.hasPlan = plan != nil
	now := d.now()
	if plan != nil {
		d.farthest = own.Retry.longest()
		d.schedule.limits = own.Concurrency
		d.schedule.clamp(now + d.farthest)
	}
	d.schedule.serve(endpoints, now)
	d.warnOfUnserved()
	d.pump()
}

// Wake makes the dispatcher look at an integration again. Call it after each
// change: the events of one that was enabled are attempted, those of a deleted
// one leave the schedule. It waits for neither.
func (d *Dispatcher) Wake(identity storage.Identity) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.schedule.release(identity, d.now())
	d.pump()
}

// TriggerStatus is what the status page shows of a resource type.
type TriggerStatus struct {
	ResourceType string
	// State is the state of the endpoint's circuit: closed, open or half_open.
	State string
	// InFlight counts the attempts that are under way, Aside those of them that
	// are late and set aside.
	InFlight, Aside int
	// OpenProjects counts the projects whose circuit for the trigger is not
	// closed, OpenResources the resources of the type whose circuit is not.
	OpenProjects, OpenResources int
}

// Status returns the resource types of the plan in use, sorted.
func (d *Dispatcher) Status() []TriggerStatus {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.now()
	d.schedule.tidy(now)
	var all []TriggerStatus
	for _, g := range d.schedule.endpoints {
		for _, st := range g.queues {
			all = append(all, TriggerStatus{
				ResourceType: st.resourceType, State: g.circuit.state(now), InFlight: st.inFlight(), Aside: st.aside.from(idle),
				OpenProjects: g.openProjects, OpenResources: st.openResources,
			})
		}
	}
	slices.SortFunc(all, func(a, b TriggerStatus) int { return strings.Compare(a.ResourceType, b.ResourceType) })
	return all
}

// Stop ends the dispatcher for good. Attempts that are under way may end
// within the grace time, or until ctx is done; then they are cut off, and
// their events stay pending as if those attempts had not begun. It returns an
// error if some did not end even then. Stop may be called without Start, and
// more than once.
func (d *Dispatcher) Stop(ctx context.Context) error {
	d.mu.Lock()
	d.stop()
	stopWatching := d.stopWatching
	d.stopWatching = nil
	for _, timer := range []*time.Timer{d.timer, d.warning} {
		if timer != nil {
			timer.Stop()
		}
	}
	d.mu.Unlock()
	if stopWatching != nil {
		stopWatching()
	}
	defer d.cutOff()

	idle := make(chan struct{})
	go func() {
		d.workers.Wait()
		close(idle)
	}()
	grace := time.NewTimer(d.grace)
	defer grace.Stop()
	select {
	case <-idle:
		return nil
	case <-grace.C:
	case <-ctx.Done():
	}
	d.cutOff()
	last := time.NewTimer(cutTime)
	defer last.Stop()
	select {
	case <-idle:
		return nil
	case <-last.C:
		return errStuck
	}
}

// cutTime is how long an attempt may take to end once it is cut off.
const cutTime = 5 * time.Second

var errStuck = errors.New("stopping the dispatcher: an attempt continues after it was canceled")

// now is the schedule's time. It follows the monotonic clock: a jump of the
// wall clock neither hastens nor delays what is scheduled.
func (d *Dispatcher) now() time.Duration { return time.Since(d.began) }

// add is called by the storage for each pending event.
func (d *Dispatcher) add(ref storage.Ref) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.now()
	st := d.schedule.add(ref, now+min(time.Until(ref.Due), d.farthest), now)
	if !st.isServed() && !st.warned && d.warning == nil {
		d.warning = time.AfterFunc(warnPause, d.warnLater)
	}
	d.pump()
}

// pump starts as many attempts as may begin now, and sets the timer for the
// next that begins by itself. It is called whenever something has changed,
// with mu held.
func (d *Dispatcher) pump() {
	if d.stopping.Err() != nil {
		return
	}
	now := d.now()
	d.schedule.tidy(now)
	d.schedule.ripen(now)
	d.schedule.wait(now)
	for j := d.schedule.take(now); j != nil; j = d.schedule.take(now) {
		j.session = d.session
		d.workers.Go(func() { d.work(j) })
	}
	d.arm(now)
}

// arm sets the timer, if it is not set for that time already.
func (d *Dispatcher) arm(now time.Duration) {
	at, ok := d.schedule.next(now)
	switch {
	case !ok || at == d.wakeAt && now < at:
		return
	case d.timer == nil:
		d.timer = time.AfterFunc(at-now, d.tick)
	default:
		d.timer.Reset(at - now)
	}
	d.wakeAt = at
}

func (d *Dispatcher) tick() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.wakeAt = -1
	d.pump()
}
