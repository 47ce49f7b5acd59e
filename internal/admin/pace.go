package admin

import (
	"context"
	"sync"
	"time"
)

// replayEvery is the interval between two events of a bulk replay, so that
// triggers can bear them in addition to what senders send.
const replayEvery = 10 * time.Millisecond

// Pace makes all bulk replays of a gateway together keep the rate allowed for
// one. Its zero value is ready to use.
type Pace struct {
	mu   sync.Mutex
	next time.Time
}

// wait returns when it is the caller's turn, or with the error of ctx.
func (p *Pace) wait(ctx context.Context) error {
	timer := time.NewTimer(p.turn(time.Now()))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

// turn takes the next turn and returns how long to wait for it.
func (p *Pace) turn(now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.next.Before(now) {
		p.next = now
	}
	p.next = p.next.Add(replayEvery)
	return p.next.Sub(now)
}
