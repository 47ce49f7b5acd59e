package dispatch

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookgate/hookgate/module/storage"
	"github.com/hookgate/hookgate/module/trigger"
)

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

func TestExpiryIsCalledOff(t *testing.T) {
	simulate(t, Options{}, func(b *bench) {
		b.limits = Concurrency{Total: 2}
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

// What waits behind an open circuit of a resource or a project ends when its
// time is over, and nothing else does.
func TestExpiresBehindEachCircuit(t *testing.T) {
	for _, kind := range []string{"500", "403", "401", "limited", "hang"} {
		t.Run(kind, func(t *testing.T) {
			simulate(t, Options{}, func(b *bench) {
				b.d.Use(b.plan(Policy{For: time.Hour, Initial: time.Millisecond, Max: 3 * time.Hour}, func(ctx context.Context, attempt *trigger.Attempt) trigger.Result {
					result := misbehaves(ctx, attempt)
					if result.RetryAfter > 0 {
						result.RetryAfter = 3 * time.Hour
					}
					return result
				}))
				for n := range 300 {
					b.events.acceptFor("demo", n%7, "assistant", fmt.Sprint(kind, "-", n%3))
				}
				b.pass(time.Hour - time.Second)
				b.want(300, 0, 0)
				b.pass(5 * time.Minute)
				got := b.events.count()
				switch kind {
				case "limited": // what was refused may be tried when its time has come
					if got[storage.Failed] < 297 {
						t.Errorf("got %v", got)
					}
				default:
					b.want(0, 0, 300)
				}
			})
		})
	}
}
