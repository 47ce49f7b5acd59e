package dispatch

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/hookgate/hookgate/module/storage"
	"github.com/hookgate/hookgate/module/trigger"
)

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
		if n := b.d.schedule.queues["assistant"].pending; n != 0 {
			t.Errorf("%d are scheduled", n)
		}
	})
}

// An event that is found damaged is ended once the storage takes that, and not
// left with a claim that nobody else can have.
func TestDamagedWhileUnavailable(t *testing.T) {
	simulate(t, Options{}, func(b *bench) {
		b.d.Use(b.plan(Policy{}, always(resultOK)))
		down := true
		b.events.fail = func(call string, id storage.ID) error {
			switch {
			case call == "claim":
				b.events.records[id].claimed = true
				return fmt.Errorf("reading it: %w", storage.ErrCorrupt)
			case call == "finish" && down:
				return storage.ErrUnavailable
			}
			return nil
		}
		b.events.accept(0, "assistant")
		b.pass(time.Minute)
		b.want(1, 0, 0)
		b.events.mu.Lock()
		down = false
		b.events.mu.Unlock()
		b.pass(time.Minute)
		b.want(0, 0, 1)
		if n := b.d.schedule.queues["assistant"].pending; n != 0 {
			t.Errorf("%d are scheduled", n)
		}
	})
}

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
					if asked == 0 || asked > 5*256 {
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

// While an unavailable storage takes no results, no attempts begin whose results
// it could not take either.
func TestRefusedResults(t *testing.T) {
	simulate(t, Options{}, func(b *bench) {
		b.limits = Concurrency{PerTrigger: 5}
		b.d.Use(b.plan(Policy{}, func(context.Context, *trigger.Attempt) trigger.Result {
			time.Sleep(100 * time.Millisecond)
			return resultOK
		}))
		down := true
		b.events.fail = func(call string, _ storage.ID) error {
			if call == "finish" && down {
				return storage.ErrUnavailable
			}
			return nil
		}
		for n := range 500 {
			b.events.accept(n, "assistant")
		}
		b.pass(10 * time.Minute)
		if n := len(b.log.all()); n == 0 || n > 10 {
			t.Errorf("%d attempts", n)
		}
		b.events.mu.Lock()
		down = false
		b.events.mu.Unlock()
		b.pass(10 * time.Minute)
		b.want(0, 500, 0)
	})
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

func (brokenEvents) Watch(storage.Watcher) (func(), error) { return nil, storage.ErrUnavailable }
