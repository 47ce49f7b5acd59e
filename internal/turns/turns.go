// Package turns shares a scarce resource between projects: the processor, or
// room for something large. Each project has only a few turns at once, and no
// more than its part of the time: however many wait in one project, another
// project waits for at most one turn to end.
package turns

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"time"
)

// ErrBusy means that too much of the project's own work is already waiting.
var ErrBusy = errors.New("too much work of the project is waiting")

// Limits configure Turns.
type Limits struct {
	// Total and PerProject bound the number of turns at once.
	Total, PerProject int

	// Part is how much time all turns of a project may take in each second; unused
	// time is kept, up to a second. Default: unlimited.
	Part time.Duration

	// Waiting bounds how much of a project's work may wait, by the weight passed
	// to Take. A single piece may always wait. Default: unlimited.
	Waiting int
}

// Turns are given to projects in rotation, and within a project in order of
// arrival.
type Turns struct {
	limits Limits

	mu       sync.Mutex
	running  int
	projects map[string]*project
	sweepAt  int        // the number of projects at which idle ones are forgotten
	line     []*project // those that wait, the next one first
}

// project is a project that has turns, waits for some, or has used up some of
// its time.
type project struct {
	running int
	waiting []*waiter
	weight  int  // of waiting work
	inLine  bool // it only waits for others
	left    time.Duration
	at      time.Time // when left was correct
	timer   *time.Timer
}

type waiter struct {
	weight int
	turn   chan struct{} // closed when the turn comes
}

// New returns turns with these limits.
func New(limits Limits) *Turns {
	return &Turns{limits: limits, projects: make(map[string]*project), sweepAt: 64}
}

// ForComputing returns turns for work that only needs the processor: a project
// gets at most half of the processors at once, and an eighth of the machine's
// time.
func ForComputing(total, waiting int) *Turns {
	cores := runtime.GOMAXPROCS(0)
	return New(Limits{
		Total:      total,
		PerProject: max(1, cores/2),
		Part:       time.Duration(cores) * time.Second / 8,
		Waiting:    waiting,
	})
}

// Take waits for a turn of the project; call end once to end it. The error is
// ErrBusy, or the cause of ctx.
func (t *Turns) Take(ctx context.Context, name string, weight int) (end func(), err error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	t.mu.Lock()
	p := t.project(name)
	if len(p.waiting) == 0 && len(t.line) == 0 && t.mayRun(p) && t.running < t.limits.Total {
		t.begin(p)
		t.mu.Unlock()
		return t.ends(p), nil
	}
	if len(p.waiting) > 0 && t.limits.Waiting > 0 && p.weight+weight > t.limits.Waiting {
		t.mu.Unlock()
		return nil, ErrBusy
	}
	w := &waiter{weight, make(chan struct{})}
	p.waiting, p.weight = append(p.waiting, w), p.weight+weight
	t.queue(p)
	t.next()
	t.mu.Unlock()

	select {
	case <-w.turn:
	case <-ctx.Done():
		t.mu.Lock()
		defer t.mu.Unlock()
		if t.leave(p, w) {
			return nil, context.Cause(ctx)
		}
	}
	return t.ends(p), nil
}

// ends returns the function that ends a turn that begins now.
func (t *Turns) ends(p *project) func() {
	began := time.Now()
	return func() {
		took := time.Since(began)
		t.mu.Lock()
		defer t.mu.Unlock()
		t.running--
		p.running--
		t.refill(p)
		p.left -= took
		t.queue(p)
		t.next()
	}
}

// The methods below require the lock.

func (t *Turns) project(name string) *project {
	p := t.projects[name]
	if p == nil {
		if len(t.projects) >= t.sweepAt {
			t.sweep()
		}
		p = &project{left: time.Second, at: time.Now()}
		t.projects[name] = p
	}
	return p
}

// sweep forgets projects with nothing left to remember.
func (t *Turns) sweep() {
	for name, p := range t.projects {
		if t.refill(p); p.running == 0 && len(p.waiting) == 0 && p.left == time.Second {
			delete(t.projects, name)
		}
	}
	t.sweepAt = max(64, 2*len(t.projects))
}

func (t *Turns) refill(p *project) {
	if t.limits.Part == 0 {
		p.left = time.Second
		return
	}
	now := time.Now()
	earned := time.Duration(float64(max(now.Sub(p.at), 0)) * t.limits.Part.Seconds())
	p.left, p.at = min(p.left+earned, time.Second), now
}

func (t *Turns) mayRun(p *project) bool {
	t.refill(p)
	return p.running < t.limits.PerProject && p.left > 0
}

func (t *Turns) begin(p *project) {
	t.running++
	p.running++
}

// queue puts a project in line unless it waits for its own limits. One that has
// used up its time returns when it has earned some.
func (t *Turns) queue(p *project) {
	switch {
	case p.inLine || len(p.waiting) == 0:
	case t.mayRun(p):
		p.inLine = true
		t.line = append(t.line, p)
	case p.left <= 0 && p.timer == nil:
		wait := time.Duration(float64(-p.left)/t.limits.Part.Seconds()) + time.Millisecond
		p.timer = time.AfterFunc(wait, func() {
			t.mu.Lock()
			defer t.mu.Unlock()
			p.timer = nil
			t.queue(p)
			t.next()
		})
	}
}

// next lets waiters begin for which there is room.
func (t *Turns) next() {
	for t.running < t.limits.Total && len(t.line) > 0 {
		p := t.line[0]
		t.line[0] = nil
		t.line, p.inLine = t.line[1:], false
		if len(p.waiting) > 0 && t.mayRun(p) {
			t.begin(p)
			close(t.take(p, 0).turn)
		}
		t.queue(p)
	}
}

// take removes a waiter.
func (t *Turns) take(p *project, at int) *waiter {
	w := p.waiting[at]
	p.waiting = append(p.waiting[:at:at], p.waiting[at+1:]...)
	p.weight -= w.weight
	return w
}

// leave removes a waiter that has given up, unless its turn has come.
func (t *Turns) leave(p *project, w *waiter) bool {
	for at := range p.waiting {
		if p.waiting[at] == w {
			t.take(p, at)
			return true
		}
	}
	return false
}
