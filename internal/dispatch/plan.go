package dispatch

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"time"

	"github.com/hookgate/hookgate/internal/turns"
	"github.com/hookgate/hookgate/module/storage"
	"github.com/hookgate/hookgate/module/trigger"
)

// Plan is what one configuration wants to be done with pending events. It is
// not changed once it is in use.
type Plan struct {
	// Triggers serve the resource types that they name. A type that two of
	// them name belongs to the first.
	Triggers []trigger.Trigger

	// Retry says how often and how long an event is tried.
	Retry Policy

	// Concurrency bounds the attempts that are under way at once.
	Concurrency Concurrency

	// Integration returns the state of a pending event's integration. It is
	// called before each attempt, from many goroutines at once, and should
	// normally answer from memory.
	Integration func(webhookID string, identity storage.Identity) IntegrationState

	// Shape returns how an integration's events are shaped as the integration is
	// now; nil, and a nil Shape, leave events as they are. It is called as
	// Integration is.
	Shape func(webhookID string) (Shape, error)
}

// Shape returns what the trigger receives of an event, which it leaves as it is.
type Shape func(event *trigger.Event) (*trigger.Event, error)

// newShaping returns the turns in which events are shaped: a project whose shapes
// are slow uses up neither the processor nor the workers, since only a few of its
// events wait for a turn at once.
func newShaping() *turns.Turns { return turns.ForComputing(runtime.GOMAXPROCS(0), 4) }

// errShaping means that it is not the project's turn to have an event shaped.
var errShaping = errors.New("too many payloads of the project are being built")

// shape returns the event as the trigger is to receive it, or the result of an
// attempt that has ended without one: a later attempt at the same payload
// would end alike. The error is errShaping.
func (p *Plan) shape(ctx context.Context, shaping *turns.Turns, event *trigger.Event) (*trigger.Event, *trigger.Result, error) {
	if p.Shape == nil {
		return event, nil, nil
	}
	shape, err := p.Shape(event.WebhookID)
	if err != nil {
		return nil, &trigger.Result{Verdict: trigger.Retry, Error: trigger.ErrInternal}, nil
	}
	if shape == nil {
		return event, nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, shapingWait)
	defer cancel()
	end, err := shaping.Take(ctx, event.Project, 1)
	if err != nil {
		return nil, nil, errShaping
	}
	defer end()
	shaped, err := shape(event)
	if err != nil {
		return nil, &trigger.Result{Verdict: trigger.Fail, Error: trigger.ErrRequestInvalid, Detail: err.Error()}, nil
	}
	return shaped, nil, nil
}

// IntegrationState says what an integration wants done with its pending events.
type IntegrationState int

const (
	// Unknown means that the state is not known now: the events are held, and the
	// state is asked for again a second later.
	Unknown IntegrationState = iota
	// Enabled integrations have their events attempted.
	Enabled
	// Disabled integrations have their events held, neither attempted nor
	// expired, until Wake or Use. One that a configuration no longer declares
	// counts as disabled, too.
	Disabled
	// Deleted integrations never come back: their events leave the schedule.
	// The storage drops them.
	Deleted
)

// Policy bounds how often and for how long an event is tried. A zero field
// takes its default.
type Policy struct {
	// For is how long after its acceptance, or after it was queued again, an
	// event is tried. The last attempt is made when the time is over.
	// Default: 72h.
	For time.Duration

	// Initial bounds the wait after the first failure; the bound doubles with
	// each further one. Default: 1s.
	Initial time.Duration

	// Max is the longest wait, also when an endpoint asks for a longer one.
	// Default: 1h.
	Max time.Duration

	// Attempts is how many attempts an event gets. Default: 0, no limit.
	Attempts int
}

func (p Policy) withDefaults() Policy {
	p.For = cmp.Or(max(p.For, 0), 72*time.Hour)
	p.Initial = cmp.Or(max(p.Initial, 0), time.Second)
	p.Max = cmp.Or(max(p.Max, 0), time.Hour)
	return p
}

// longest is the longest an event is ever put off. A due time beyond it was
// written by a wrong wall clock, or under another policy.
func (p Policy) longest() time.Duration { return max(p.Max, p.Initial, faultWait) }

// ceiling is the longest wait after the given number of failures.
func (p Policy) ceiling(failures int) time.Duration {
	wait := min(p.Initial, p.Max)
	for i := 1; i < failures && wait < p.Max; i++ {
		wait = min(2*wait, p.Max)
	}
	return wait
}

// wait returns how long an event waits after a failed attempt: a random time
// below the ceiling, but no less than the endpoint asked for.
func (p Policy) wait(failures int, retryAfter time.Duration) time.Duration {
	return max(rand.N(p.ceiling(failures)+1), min(retryAfter, p.Max))
}

// expired reports whether an event of that age has run out of time.
func (p Policy) expired(age time.Duration) bool { return age >= p.For }

// judge says what becomes of an event of that age after an attempt with the
// result, and how long it waits when it is still pending.
func (p Policy) judge(result trigger.Result, state *storage.State, age time.Duration) (storage.Status, time.Duration) {
	switch result.Verdict {
	case trigger.Delivered:
		return storage.Delivered, 0
	case trigger.Fail:
		return storage.Failed, 0
	}
	failures := state.Tries - state.QueuedTries + 1
	if p.expired(age) || p.Attempts > 0 && failures >= p.Attempts {
		return storage.Failed, 0
	}
	// The last attempt falls at the end of the time, unless the endpoint asked for
	// a longer wait.
	left := p.For - age
	wait := min(p.wait(failures, result.RetryAfter), max(left, min(result.RetryAfter, p.Max)))
	return storage.Pending, wait
}
