package dispatch

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookgate/hookgate/module/storage"
	"github.com/hookgate/hookgate/module/trigger"
)

// lose ends the fake's session: every claim is void, and what is told of one is
// refused. The watcher is told of all that is pending when a new one begins.
func (f *fakeEvents) lose() {
	f.mu.Lock()
	for _, r := range f.records {
		r.claimed = false
	}
	f.mu.Unlock()
	f.watcher.Lost()
}

// begin has the watcher told of all that is pending.
func (f *fakeEvents) begin() {
	f.mu.Lock()
	var refs []storage.Ref
	for _, r := range f.records {
		if r.Status == storage.Pending {
			refs = append(refs, ref(r.Record))
		}
	}
	f.mu.Unlock()
	for _, ref := range refs {
		f.watcher.Pending(ref)
	}
}

// Attempts of a lost session are cut, nothing is told of them, and what waited is
// forgotten, until a new session tells of it.
func TestLost(t *testing.T) {
	for name, result := range map[string]trigger.Result{
		"cut": resultRetry, "refused": resultRefused, "delivered": resultOK, "goes on": {Verdict: trigger.Pending},
	} {
		t.Run(name, func(t *testing.T) {
			simulate(t, Options{}, func(b *bench) {
				var began, cut atomic.Int32
				b.d.Use(b.plan(Policy{}, func(ctx context.Context, _ *trigger.Attempt) trigger.Result {
					began.Add(1)
					<-ctx.Done()
					cut.Add(1)
					return result
				}))
				for range 5 {
					b.events.accept(0, "assistant")
					b.events.accept(1, "assistant")
				}
				later := storage.State{Status: storage.Pending, Due: time.Now().Add(time.Hour), QueuedAt: time.Now()}
				b.events.store(storage.Record{
					Event: storage.Event{Integration: identity(2), WebhookID: "hook-2", Project: "demo", ResourceType: "assistant", ResourceID: "r"},
					State: later,
				})
				b.pass(time.Second)
				underWay := began.Load()
				if underWay == 0 {
					t.Fatal("no attempt is under way")
				}
				b.events.lose()
				b.pass(time.Hour)
				if cut.Load() != underWay || began.Load() != underWay {
					t.Errorf("%d of %d attempts were cut, %d began", cut.Load(), underWay, began.Load())
				}
				b.want(11, 0, 0)

				b.d.Use(b.plan(Policy{}, always(resultOK)))
				b.pass(time.Hour)
				b.want(11, 0, 0)
				b.events.begin()
				b.pass(2 * time.Hour)
				b.want(0, 11, 0)
			})
		})
	}
}

// A result that the storage could not take is not told once the session is lost:
// the workers are free again.
func TestLostUntold(t *testing.T) {
	simulate(t, Options{}, func(b *bench) {
		b.d.Use(b.plan(Policy{}, always(resultOK)))
		down := true
		b.events.fail = func(call string, _ storage.ID) error {
			if down && call == "finish" {
				return storage.ErrUnavailable
			}
			return nil
		}
		b.events.accept(0, "assistant")
		b.pass(time.Minute)
		b.want(1, 0, 0)
		b.events.lose()
		b.pass(time.Minute)
		down = false
		b.events.accept(1, "assistant")
		b.pass(time.Minute)
		b.want(1, 1, 0)
		b.events.begin()
		b.pass(time.Minute)
		b.want(0, 2, 0)
	})
}
