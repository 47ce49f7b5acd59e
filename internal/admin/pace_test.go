package admin

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// All who wait share one rate, and an idle time saves up nothing.
func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p Pace
		for range 2 {
			began := time.Now()
			var group sync.WaitGroup
			for range 5 {
				group.Go(func() {
					for range 20 {
						if err := p.wait(t.Context()); err != nil {
							t.Error(err)
						}
					}
				})
			}
			group.Wait()
			if took := time.Since(began); took != 100*replayEvery {
				t.Errorf("100 replays took %v", took)
			}
			time.Sleep(time.Hour) // of the bubble's own time
		}
		ctx, leave := context.WithCancel(t.Context())
		leave()
		if err := p.wait(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("who has left is told %v", err)
		}
	})
}
