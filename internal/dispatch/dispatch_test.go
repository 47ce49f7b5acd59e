package dispatch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

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
			got.Event.Resource != (trigger.Resource{Type: "assistant", ID: "r"}) {
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
		// A due time far off is a clock's mistake.
		if want := []time.Duration{0, time.Minute, time.Hour, day}; !slices.Equal(got, want) {
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

func TestExpires(t *testing.T) {
	simulate(t, Options{}, func(b *bench) {
		policy := Policy{For: 10 * time.Minute, Initial: time.Second, Max: time.Minute}
		b.d.Use(b.plan(policy, always(trigger.Result{StatusCode: 500, Error: trigger.ErrStatus, Detail: strings.Repeat("ü", 300)})))
		id := b.events.accept(0, "assistant")
		b.pass(10*time.Minute - time.Second)
		b.want(1, 0, 0)
		b.pass(time.Minute + time.Second) // the circuit may delay the end
		b.want(0, 0, 1)
		record := b.events.get(id)
		last := record.Attempts[len(record.Attempts)-1]
		if last.Error != trigger.ErrStatus && last.Error != trigger.ErrExpired {
			t.Errorf("the last attempt says %q", last.Error)
		}
		if first := record.Attempts[0]; first.Detail != strings.Repeat("ü", 200) {
			t.Errorf("kept a detail of %d bytes", len(first.Detail))
		}
	})
}

// Without an error of its own, the last attempt says that the time is over.
func TestExpiresWithoutError(t *testing.T) {
	simulate(t, Options{}, func(b *bench) {
		b.d.Use(b.plan(Policy{Attempts: 2}, always(trigger.Result{})))
		id := b.events.accept(0, "assistant")
		b.pass(time.Minute)
		b.want(0, 0, 1)
		if got := b.events.get(id).Attempts; len(got) != 2 || got[0].Error != "" || got[1].Error != trigger.ErrExpired {
			t.Errorf("got %+v", got)
		}
	})
}

// A backlog behind a dead endpoint ends when its time is over, although the
// circuit lets few attempts through; and not before.
func TestBacklogExpiresBehindOpenCircuit(t *testing.T) {
	simulate(t, Options{}, func(b *bench) {
		b.d.Use(b.plan(Policy{For: time.Hour}, always(resultRetry)))
		for n := range 500 {
			b.events.accept(n%7, "assistant")
		}
		b.pass(time.Hour - time.Second)
		b.want(500, 0, 0)
		b.pass(3 * time.Minute)
		b.want(0, 0, 500)
		if n := len(b.log.all()); n > 150 {
			t.Errorf("%d attempts through an open circuit", n)
		} else if b.events.claims > n+500 {
			t.Errorf("%d claims for %d attempts", b.events.claims, n)
		}
	})
}

// Also an event that was tried before this process began expires on time,
// once it was looked at.
func TestOldBacklogExpires(t *testing.T) {
	simulate(t, Options{}, func(b *bench) {
		b.d.Use(b.plan(Policy{For: 2 * time.Hour}, always(resultRetry)))
		now := time.Now()
		for range 20 {
			b.events.store(storage.Record{
				Event: storage.Event{ResourceType: "assistant"},
				State: storage.State{Status: storage.Pending, Due: now, QueuedAt: now.Add(-time.Hour), Tries: 3},
			})
		}
		b.pass(time.Hour - time.Second)
		b.want(20, 0, 0)
		b.pass(2 * time.Minute)
		b.want(0, 0, 20)
	})
}

// What is to expire behind an open circuit is attempted after all when the
// endpoint answers again before its turn.
func TestExpiryIsCalledOff(t *testing.T) {
	simulate(t, Options{Workers: 2}, func(b *bench) {
		var up, slow atomic.Bool
		plan := b.plan(Policy{For: time.Minute}, func(context.Context, *trigger.Attempt) trigger.Result {
			if up.Load() {
				return resultOK
			}
			return resultRefused
		})
		plan.Integration = func(string, storage.Identity) IntegrationState {
			if slow.Load() {
				time.Sleep(10 * time.Minute)
			}
			return Enabled
		}
		b.d.Use(plan)
		for range 100 {
			b.events.accept(0, "assistant")
		}
		b.pass(50 * time.Second)
		b.want(100, 0, 0)
		slow.Store(true)
		b.pass(25 * time.Minute) // the next failure finds that all are overdue
		up.Store(true)
		b.events.accept(0, "assistant")
		b.pass(100 * time.Hour)
		if got := b.events.count(); got[storage.Delivered] < 90 || got[storage.Failed] == 0 || got[storage.Pending] != 0 {
			t.Errorf("got %v", got)
		}
	})
}

// What is too old when its turn comes gets one attempt all the same.
func TestOldEventIsAttempted(t *testing.T) {
	simulate(t, Options{}, func(b *bench) {
		id := b.events.accept(0, "assistant")
		b.pass(100 * time.Hour)
		b.want(1, 0, 0)
		b.d.Use(b.plan(Policy{}, always(resultRetry)))
		b.pass(0)
		b.want(0, 0, 1)
		if got := b.events.get(id).Attempts; len(got) != 1 || got[0].Error != trigger.ErrStatus {
			t.Errorf("got %+v", got)
		}
	})
}

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
		if len(got) != 1 || got[0].Error != trigger.ErrResourceNotAllowed || got[0].Detail != "no assistant r for demo" {
			t.Errorf("got %+v", got)
		}
		if len(b.log.all()) != 0 {
			t.Error("the trigger was run")
		}
	})
}

func TestHeldWhileDisabled(t *testing.T) {
	simulate(t, Options{}, func(b *bench) {
		b.d.Use(b.plan(Policy{For: time.Minute}, always(resultOK), "assistant", "workflow"))
		b.setState(0, Disabled)
		for range 100 {
			b.events.accept(0, "assistant")
			b.events.accept(0, "workflow")
		}
		b.events.accept(1, "assistant")
		b.pass(100 * time.Hour)
		b.want(200, 1, 0)
		if b.events.claims != 1 {
			t.Errorf("%d claims, want 1", b.events.claims)
		}
		b.setState(0, Enabled)
		b.pass(0)
		b.want(0, 201, 0)
	})
}

// Nothing expires while its integration is disabled, not behind an open
// circuit either.
func TestHeldDoesNotExpire(t *testing.T) {
	simulate(t, Options{}, func(b *bench) {
		b.d.Use(b.plan(Policy{For: time.Minute}, always(resultRefused)))
		b.setState(0, Disabled)
		b.events.accept(0, "assistant")
		b.events.accept(1, "assistant")
		b.events.accept(1, "assistant")
		b.pass(time.Hour)
		b.want(1, 0, 2)
		if got := b.events.get(storage.ID{15: 1}); got.Tries != 0 {
			t.Errorf("got %+v", got.State)
		}
	})
}

// An integration that is disabled after its event was claimed is not
// attempted any more.
func TestDisabledDuringClaim(t *testing.T) {
	simulate(t, Options{}, func(b *bench) {
		b.d.Use(b.plan(Policy{}, always(resultOK)))
		b.events.fail = func(call string, _ storage.ID) error {
			if call == "claim" {
				b.mu.Lock()
				defer b.mu.Unlock()
				b.states["hook-0"] = Disabled
			}
			return nil
		}
		b.events.accept(0, "assistant")
		b.pass(time.Minute)
		b.want(1, 0, 0)
		if b.events.releases != 1 {
			t.Errorf("%d releases", b.events.releases)
		}
	})
}

// A change that comes while the dispatcher acts on the state before it is not
// missed.
func TestEnabledDuringLookup(t *testing.T) {
	simulate(t, Options{}, func(b *bench) {
		plan := b.plan(Policy{}, always(resultOK))
		asked := 0
		plan.Integration = func(string, storage.Identity) IntegrationState {
			asked++
			if asked > 1 {
				return Enabled
			}
			b.d.Wake(identity(0)) // enabled just now
			return Disabled
		}
		b.d.Use(plan)
		b.events.accept(0, "assistant")
		b.pass(0)
		b.want(0, 1, 0)
	})
}

func TestUnknownIsAskedAgain(t *testing.T) {
	simulate(t, Options{}, func(b *bench) {
		b.d.Use(b.plan(Policy{}, always(resultOK)))
		b.states["hook-0"] = Unknown
		for range 100 {
			b.events.accept(0, "assistant")
		}
		b.pass(time.Minute)
		b.want(100, 0, 0)
		b.mu.Lock()
		b.states["hook-0"] = Enabled // and nobody says so
		b.mu.Unlock()
		b.pass(time.Second)
		b.want(0, 100, 0)
	})
}

func TestDeleted(t *testing.T) {
	simulate(t, Options{}, func(b *bench) {
		b.d.Use(b.plan(Policy{}, func(context.Context, *trigger.Attempt) trigger.Result {
			time.Sleep(time.Minute)
			return resultRetry
		}))
		for range 100 {
			b.events.accept(0, "assistant")
		}
		b.pass(2 * time.Minute) // some wait, some run, some are delayed
		attempts := len(b.log.all())
		b.events.drop(0)
		b.setState(0, Deleted)
		b.pass(time.Hour)
		if n := len(b.log.all()) - attempts; n > 16 {
			t.Errorf("%d attempts after the deletion", n)
		}
		st := b.d.schedule.stations["assistant"]
		if st.pending != 0 || len(st.lanes) != 0 || len(st.ring) != 0 {
			t.Errorf("%d events are still scheduled", st.pending)
		}
	})
}

// An event whose deletion its attempt's end meets is forgotten at once.
func TestDeletedDuringAttempt(t *testing.T) {
	simulate(t, Options{}, func(b *bench) {
		b.d.Use(b.plan(Policy{}, func(context.Context, *trigger.Attempt) trigger.Result {
			b.events.drop(0)
			return resultRetry
		}))
		b.events.accept(0, "assistant")
		b.pass(0)
		if n := b.d.schedule.stations["assistant"].pending; n != 0 {
			t.Errorf("%d are scheduled", n)
		}
	})
}

// Events of a type that nobody serves wait for a plan that does.
func TestTriggerGone(t *testing.T) {
	simulate(t, Options{}, func(b *bench) {
		b.d.Use(b.plan(Policy{For: time.Minute}, always(resultOK), "workflow"))
		b.events.accept(0, "assistant")
		b.events.accept(0, "workflow")
		b.pass(100 * time.Hour)
		b.want(1, 1, 0)
		b.d.Use(b.plan(Policy{For: time.Minute}, always(resultOK), "workflow", "assistant"))
		b.pass(0)
		b.want(0, 2, 0)
	})
}

// Attempts that are under way when another plan comes end by their own, and
// no event runs twice at once.
func TestPlanSwap(t *testing.T) {
	simulate(t, Options{}, func(b *bench) {
		slow := func(_ context.Context, attempt *trigger.Attempt) trigger.Result {
			time.Sleep(10 * time.Second)
			if attempt.Number == 1 {
				return resultRetry
			}
			return resultOK
		}
		b.d.Use(b.plan(Policy{Attempts: 1}, slow))
		for n := range 200 {
			b.events.accept(n%5, "assistant")
		}
		b.pass(time.Second) // 32 run by the first plan, which gives up at once
		for n := range 500 {
			if n%7 == 0 {
				b.d.Use(nil)
			} else {
				b.d.Use(b.plan(Policy{Initial: time.Millisecond, Max: time.Millisecond}, slow))
			}
			b.pass(100 * time.Millisecond)
		}
		b.d.Use(b.plan(Policy{}, slow))
		b.pass(3 * time.Hour)
		b.want(0, 168, 32)
	})
}

func TestDamagedEvent(t *testing.T) {
	simulate(t, Options{}, func(b *bench) {
		b.d.Use(b.plan(Policy{}, always(resultOK)))
		b.events.fail = func(call string, id storage.ID) error {
			if call == "claim" && id == (storage.ID{15: 2}) {
				return fmt.Errorf("reading it: %w", storage.ErrCorrupt)
			}
			return nil
		}
		for range 3 {
			b.events.accept(0, "assistant")
		}
		b.pass(time.Hour)
		b.want(1, 2, 0)
		b.events.breaches = nil // the attempt to record it without a claim
		if n := b.d.schedule.stations["assistant"].pending; n != 0 {
			t.Errorf("%d are scheduled", n)
		}
	})
}

// A storage that is out of order is neither asked in a busy loop nor made to
// forget a result, and everything goes on when it is back.
func TestStorageFaults(t *testing.T) {
	for _, broken := range []string{"claim", "finish", "release"} {
		for _, fault := range []error{storage.ErrUnavailable, errors.New("some fault")} {
			t.Run(fmt.Sprint(broken, " ", fault), func(t *testing.T) {
				simulate(t, Options{}, func(b *bench) {
					result := resultOK
					if broken == "release" {
						result = trigger.Result{Verdict: trigger.Pending}
					}
					b.d.Use(b.plan(Policy{}, func(context.Context, *trigger.Attempt) trigger.Result {
						if len(b.log.all()) < 40 {
							return result
						}
						return resultOK
					}))
					asked, down := 0, true
					b.events.fail = func(call string, _ storage.ID) error {
						if call != broken || !down {
							return nil
						}
						asked++
						return fault
					}
					for n := range 500 {
						b.events.accept(n, "assistant")
					}
					b.pass(4 * time.Second)
					b.events.mu.Lock()
					down = false
					if asked == 0 || asked > 5*64 {
						t.Errorf("asked %d times", asked)
					}
					b.events.mu.Unlock()
					b.pass(time.Minute)
					b.want(0, 500, 0)
				})
			})
		}
	}
}

func TestWatchFails(t *testing.T) {
	d := New(Options{Events: brokenEvents{}})
	if err := d.Start(); !errors.Is(err, storage.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
	if err := d.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}

type brokenEvents struct{ storage.Events }

func (brokenEvents) Watch(func(storage.Ref)) (func(), error) { return nil, storage.ErrUnavailable }
