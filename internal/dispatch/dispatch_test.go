package dispatch

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/internal/payload"
	"github.com/hookgate/hookgate/module/storage"
	"github.com/hookgate/hookgate/module/trigger"
)

func TestDelivers(t *testing.T) {
	type seen struct {
		resourceType, outcome string
		took                  time.Duration
	}
	var observed []seen
	options := Options{Observe: func(resourceType, outcome string, took time.Duration) {
		observed = append(observed, seen{resourceType, outcome, took})
	}}
	simulate(t, options, func(b *bench) {
		var got *trigger.Attempt
		b.d.Use(b.plan(Policy{}, func(_ context.Context, attempt *trigger.Attempt) trigger.Result {
			got = attempt
			time.Sleep(time.Second)
			return trigger.Result{Verdict: trigger.Delivered, StatusCode: 204, Error: "ignored"}
		}))
		id := b.events.accept(0, "assistant")
		b.pass(time.Minute)
		b.want(0, 1, 0)
		if got.Number != 1 || got.IdempotencyKey != id.String() || got.Event.ID != id.String() ||
			got.Event.WebhookID != "hook-0" || got.Event.Project != "demo" ||
			got.Event.Resource != (trigger.Resource{Type: "assistant", ID: "r-0"}) {
			t.Errorf("got %+v of %+v", got, got.Event)
		}
		attempt := b.events.get(id).Attempts[0]
		if attempt.StatusCode != 204 || attempt.Error != "" || attempt.Duration != time.Second || attempt.At.IsZero() {
			t.Errorf("recorded %+v", attempt)
		}
	})
	if want := []seen{{"assistant", "delivered", time.Second}}; !slices.Equal(observed, want) {
		t.Errorf("observed %v", observed)
	}
}

// What was pending before the start is attempted too, at its time.

func TestTakesUpWhatIsThere(t *testing.T) {
	simulate(t, Options{}, func(b *bench) {
		b.stop()
		began := time.Now()
		b.events.accept(0, "assistant")
		for _, due := range []time.Duration{time.Hour, time.Minute, 10 * 365 * day} {
			record := b.events.get(storage.ID{15: 1})
			record.Due = began.Add(due)
			b.events.store(record)
		}
		b.start(Options{})
		b.d.Use(b.plan(Policy{}, always(resultOK)))
		b.pass(2 * day)
		var got []time.Duration
		for _, c := range b.log.all() {
			got = append(got, c.began.Sub(began))
		}
		// A due time beyond the longest wait is a clock's mistake.
		if want := []time.Duration{0, time.Minute, time.Hour, time.Hour}; !slices.Equal(got, want) {
			t.Errorf("attempts after %v, want %v", got, want)
		}
	})
}

func TestRetryAfterIsHonoured(t *testing.T) {
	simulate(t, Options{}, func(b *bench) {
		began := time.Now()
		after := []time.Duration{90 * time.Second, 10 * time.Hour, 0}
		b.d.Use(b.plan(Policy{Initial: time.Nanosecond}, func(_ context.Context, attempt *trigger.Attempt) trigger.Result {
			if attempt.Number > len(after) {
				return resultOK
			}
			return trigger.Result{StatusCode: 429, Error: trigger.ErrStatus, RetryAfter: after[attempt.Number-1]}
		}))
		id := b.events.accept(0, "assistant")
		b.pass(day)
		b.want(0, 1, 0)
		var got []time.Duration
		for _, attempt := range b.events.get(id).Attempts {
			got = append(got, attempt.At.Sub(began).Round(time.Second))
		}
		want := []time.Duration{0, 90 * time.Second, 90*time.Second + time.Hour, 90*time.Second + time.Hour}
		if !slices.Equal(got, want) {
			t.Errorf("attempts after %v, want %v", got, want)
		}
	})
}

// Without an error of its own, the last attempt says that the time is over.

// A backlog behind a dead endpoint ends when its time is over, although the

// circuit lets few attempts through; and not before.

// Also an event that was tried before this process began expires on time,

// once it was looked at.

// What is to expire behind an open circuit is attempted after all when the

// endpoint answers again before its turn.

// What is too old when its turn comes gets one attempt all the same.

func TestRequeue(t *testing.T) {
	simulate(t, Options{}, func(b *bench) {
		b.d.Use(b.plan(Policy{Attempts: 2}, always(resultRetry)))
		id := b.events.accept(0, "assistant")
		for n := range 3 {
			b.pass(time.Hour)
			b.want(0, 0, 1)
			if n < 2 {
				b.events.requeue(id)
			}
		}
		var got []string
		for _, c := range b.log.all() {
			got = append(got, fmt.Sprint(c.number, strings.TrimPrefix(c.key, id.String())))
		}
		if want := []string{"1", "2", "3.2", "4.2", "5.3", "6.3"}; !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}

// A run that goes on is looked after with its progress, and is no attempt.

func TestPendingRun(t *testing.T) {
	simulate(t, Options{}, func(b *bench) {
		began := time.Now()
		b.d.Use(b.plan(Policy{For: time.Minute, Attempts: 1}, func(ctx context.Context, attempt *trigger.Attempt) trigger.Result {
			if attempt.Number != 1 {
				t.Errorf("attempt %d", attempt.Number)
			}
			if age := time.Since(began); attempt.Age != age {
				t.Errorf("of age %s, want %s", attempt.Age, age)
			}
			progress := string(attempt.Progress) + "x"
			if len(progress) > 5 {
				return resultOK
			}
			if err := attempt.Save(ctx, []byte(progress)); err != nil {
				t.Error(err)
			}
			if err := attempt.Save(ctx, make([]byte, maxProgress+1)); err == nil {
				t.Error("progress without bound")
			}
			return trigger.Result{Verdict: trigger.Pending, RetryAfter: time.Minute}
		}))
		id := b.events.accept(0, "assistant")
		b.pass(time.Hour)
		b.want(0, 1, 0)
		if got := b.events.get(id); got.Tries != 1 || got.Attempts[0].At.Sub(began) != 5*time.Minute {
			t.Errorf("got %+v", got.State)
		}
	})
}

// A trigger that names no time is not asked in a busy loop.

func TestPendingRunWithoutTime(t *testing.T) {
	simulate(t, Options{}, func(b *bench) {
		b.d.Use(b.plan(Policy{Initial: time.Second}, always(trigger.Result{Verdict: trigger.Pending})))
		b.events.accept(0, "assistant")
		b.pass(time.Minute + time.Millisecond)
		if n := len(b.log.all()); n != 61 {
			t.Errorf("asked %d times", n)
		}
	})
}

// A run that goes on shows that the endpoint answers.

func TestPendingRunClosesCircuit(t *testing.T) {
	simulate(t, Options{}, func(b *bench) {
		b.d.Use(b.plan(Policy{Initial: time.Nanosecond}, func(_ context.Context, attempt *trigger.Attempt) trigger.Result {
			if attempt.Number == 1 {
				return resultRefused
			}
			return trigger.Result{Verdict: trigger.Pending, RetryAfter: time.Minute}
		}))
		b.events.accept(0, "assistant")
		b.pass(2 * time.Second)
		if got := b.d.Status()[0].State; got != StateClosed {
			t.Errorf("the circuit is %s", got)
		}
	})
}

// The trigger receives what the integration's shape makes of the event; one of
// which it cannot be made fails for good.
func TestShape(t *testing.T) {
	shape, err := payload.Compile(payload.Spec{Fields: map[string]string{"a": "x.a"}})
	if err != nil {
		t.Fatal(err)
	}
	simulate(t, Options{}, func(b *bench) {
		var bodies []string
		plan := b.plan(Policy{}, func(_ context.Context, attempt *trigger.Attempt) trigger.Result {
			bodies = append(bodies, string(attempt.Event.Body))
			return resultOK
		})
		asked := 0
		plan.Shape = func(webhookID string) (Shape, error) {
			if asked++; asked == 1 {
				return nil, storage.ErrUnavailable
			}
			return shape.Apply, nil
		}
		b.d.Use(plan)
		good := b.acceptBody(0, []byte(`{"x":{"a":1},"b":2}`))
		b.pass(time.Hour)
		b.want(0, 1, 0)
		if want := []string{`{"a":1}`}; !slices.Equal(bodies, want) {
			t.Errorf("received %q, want %q", bodies, want)
		}
		if attempts := b.events.get(good).Attempts; len(attempts) != 2 || attempts[0].Error != trigger.ErrInternal {
			t.Errorf("recorded %+v", attempts)
		}

		bad := b.events.accept(0, "assistant")
		b.pass(time.Hour)
		b.want(0, 1, 1)
		if attempt := b.events.get(bad).Attempts[0]; attempt.Error != trigger.ErrRequestInvalid || attempt.Detail != "the payload is not JSON" {
			t.Errorf("recorded %+v", attempt)
		}
	})
}

func TestPanic(t *testing.T) {
	simulate(t, Options{}, func(b *bench) {
		panics := true
		b.d.Use(b.plan(Policy{}, func(_ context.Context, attempt *trigger.Attempt) trigger.Result {
			if panics {
				panics = false
				panic("a secret")
			}
			return resultOK
		}))
		id := b.events.accept(0, "assistant")
		b.pass(time.Minute)
		b.want(0, 1, 0)
		if got := b.events.get(id).Attempts; len(got) != 2 || got[0].Error != trigger.ErrInternal {
			t.Errorf("got %+v", got)
		}
	})
}

func TestQuarantine(t *testing.T) {
	simulate(t, Options{}, func(b *bench) {
		b.d.Use(b.plan(Policy{}, always(resultOK)))
		for crashes := range 5 {
			now := time.Now()
			b.events.store(storage.Record{
				Event: storage.Event{ResourceType: "assistant"},
				State: storage.State{Status: storage.Pending, Due: now, QueuedAt: now, Crashes: crashes},
			})
		}
		b.pass(0)
		b.want(0, 3, 2)
		if got := b.events.get(storage.ID{15: 4}).Attempts; len(got) != 1 || got[0].Error != trigger.ErrQuarantined {
			t.Errorf("got %+v", got)
		}
	})
}

func TestResourceNotAllowed(t *testing.T) {
	simulate(t, Options{}, func(b *bench) {
		plan := b.plan(Policy{}, always(resultOK))
		plan.Triggers[0].(*fakeTrigger).allow = func(project string, resource trigger.Resource) error {
			return fmt.Errorf("no %s %s for %s", resource.Type, resource.ID, project)
		}
		b.d.Use(plan)
		id := b.events.accept(0, "assistant")
		b.pass(0)
		b.want(0, 0, 1)
		got := b.events.get(id).Attempts
		if len(got) != 1 || got[0].Error != trigger.ErrResourceNotAllowed || got[0].Detail != "no assistant r-0 for demo" {
			t.Errorf("got %+v", got)
		}
		if len(b.log.all()) != 0 {
			t.Error("the trigger was run")
		}
	})
}

// Nothing expires while its integration is disabled, not behind an open

// circuit either.

// An integration that is disabled after its event was claimed is not

// attempted any more.

// A change that comes while the dispatcher acts on the state before it is not

// missed.

// An event whose deletion its attempt's end meets is forgotten at once.

// Events of a type that nobody serves wait for a plan that does.

// Attempts that are under way when another plan comes end by their own, and

// no event runs twice at once.

// A storage that is out of order is neither asked in a busy loop nor made to

// forget a result, and everything goes on when it is back.
