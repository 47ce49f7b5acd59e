package admin

import (
	"context"
	"sync"
	"time"
)

// replayEvery is the time from one event of a bulk replay to the next: what
// triggers are given at once stays bearable beside what senders send.
const replayEvery = 10 * time.Millisecond

// Pace has all bulk replays of a gateway together keep the rate that one of
// them may have. Its zero value is ready.
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

// turn takes the next turn and returns how long it is until then.
func (p *Pace) turn(now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.next.Before(now) {
		p.next = now
	}
	p.next = p.next.Add(replayEvery)
	return p.next.Sub(now)
}
