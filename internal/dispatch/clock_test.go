package dispatch

import (
	"testing"
	"time"

	"github.com/hookgate/hookgate/module/storage"
	"github.com/hookgate/hookgate/module/trigger"
)

const year = 365 * day

// jumps are what a wall clock may do between two runs or during one.
var jumps = []time.Duration{time.Hour, -time.Hour, year, -year}

// The times that a storage keeps are of the wall clock. After it has jumped,
// events neither expire nor wait longer than the policy lets them.
func TestClockJumpedBeforeStart(t *testing.T) {
	for _, jump := range jumps {
		t.Run(jump.String(), func(t *testing.T) {
			simulate(t, Options{}, func(b *bench) {
				b.stop()
				began := time.Now()
				for n := range 300 {
					at := began.Add(-jump) // as it was written
					id := b.events.store(storage.Record{
						Event: storage.Event{Integration: identity(n % 30), ResourceType: "assistant", ReceivedAt: at},
						State: storage.State{Status: storage.Pending, Due: at.Add(time.Minute), QueuedAt: at, Tries: 1},
					})
					b.events.setAge(id, time.Minute)
				}
				b.start(Options{})
				b.d.Use(b.plan(Policy{Attempts: 3}, always(trigger.Result{Error: trigger.ErrInternal}))) // opens no circuit
				b.pass(2 * time.Hour)
				b.want(0, 0, 300)
				for _, r := range b.events.records {
					if r.Tries != 3 {
						t.Fatalf("an event failed after %d attempts: %+v", r.Tries, r.State)
					}
				}
				if late := b.log.all()[0].began.Sub(began); late > time.Hour {
					t.Errorf("the first attempt came after %s", late)
				}
			})
		})
	}
}

// A jump during a run changes neither when attempts are made nor how many: the
// same events get as many as without it.
func TestClockJumpsDuringRun(t *testing.T) {
	run := func(jump time.Duration) (attempts, failed int) {
		simulate(t, Options{}, func(b *bench) {
			b.d.Use(b.plan(Policy{For: 3 * time.Hour, Initial: 10 * time.Minute, Max: 10 * time.Minute}, always(resultRetry)))
			for n := range 100 {
				b.events.accept(n%10, "assistant")
			}
			b.pass(time.Hour)
			b.events.jump(jump)
			b.pass(2*time.Hour - time.Minute)
			if got := b.events.count(); got[storage.Failed] != 0 {
				t.Errorf("after a jump of %s: %v", jump, got)
			}
			b.pass(time.Hour)
			attempts, failed = len(b.log.all()), b.events.count()[storage.Failed]
		})
		return attempts, failed
	}
	usual, _ := run(0)
	for _, jump := range jumps {
		if attempts, failed := run(jump); attempts > 2*usual || attempts < usual/2 || failed != 100 {
			t.Errorf("after a jump of %s: %d attempts, usually %d; %d of 100 have failed", jump, attempts, usual, failed)
		}
	}
}

// A plan with a shorter longest wait does not leave events to the one before.
func TestShorterWait(t *testing.T) {
	simulate(t, Options{}, func(b *bench) {
		late := resultRetry
		late.RetryAfter = 20 * time.Hour
		b.d.Use(b.plan(Policy{Max: 20 * time.Hour}, always(late)))
		for n := range 4 {
			b.events.accept(n, "assistant")
		}
		b.pass(time.Minute)
		b.want(4, 0, 0)
		b.d.Use(b.plan(Policy{Max: time.Hour}, always(resultOK)))
		b.pass(time.Hour - time.Second)
		b.want(4, 0, 0)
		b.pass(time.Second)
		b.want(0, 4, 0)

		now := time.Now()
		b.events.store(storage.Record{
			Event: storage.Event{ResourceType: "assistant"},
			State: storage.State{Status: storage.Pending, Due: now.Add(year), QueuedAt: now},
		})
		b.pass(time.Hour)
		b.want(0, 5, 0)
	})
}
