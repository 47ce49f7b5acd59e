// Package turns shares out what few can have at once, in turns between projects:
// however many wait for one project, another one waits for one of them at most.
package turns

import (
	"context"
	"slices"
	"sync"
)

// Turns are taken by Most at once, and by one of each project.
type Turns struct {
	Most int

	mu      sync.Mutex
	busy    map[string]bool // the projects that have a turn
	order   []string        // the projects that wait, the next one first
	waiting map[string][]chan struct{}
}

// Take waits for a turn of the project, or returns the cause that ended ctx. done
// is called once and ends the turn.
func (t *Turns) Take(ctx context.Context, project string) (done func(), err error) {
	turn := t.queue(project)
	select {
	case <-turn:
	case <-ctx.Done():
		t.leave(project, turn)
		return nil, context.Cause(ctx)
	}
	return func() { t.end(project) }, nil
}

// queue returns what is closed when it is the caller's turn.
func (t *Turns) queue(project string) chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.busy == nil {
		t.busy, t.waiting = make(map[string]bool), make(map[string][]chan struct{})
	}
	turn := make(chan struct{})
	if len(t.waiting[project]) == 0 {
		t.order = append(t.order, project)
	}
	t.waiting[project] = append(t.waiting[project], turn)
	t.share()
	return turn
}

// leave undoes queue.
func (t *Turns) leave(project string, turn chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	at := slices.Index(t.waiting[project], turn)
	if at < 0 { // it has come meanwhile
		t.free(project)
		return
	}
	if t.waiting[project] = slices.Delete(t.waiting[project], at, at+1); len(t.waiting[project]) == 0 {
		delete(t.waiting, project)
		t.order = slices.DeleteFunc(t.order, func(name string) bool { return name == project })
	}
}

func (t *Turns) end(project string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.free(project)
}

func (t *Turns) free(project string) {
	delete(t.busy, project)
	t.share()
}

// share gives the turns that are free to the projects that have waited longest.
func (t *Turns) share() {
	for len(t.busy) < t.Most {
		at := slices.IndexFunc(t.order, func(name string) bool { return !t.busy[name] })
		if at < 0 {
			return
		}
		project := t.order[at]
		t.order = slices.Delete(t.order, at, at+1)
		turn := t.waiting[project][0]
		if t.waiting[project] = t.waiting[project][1:]; len(t.waiting[project]) > 0 {
			t.order = append(t.order, project)
		} else {
			delete(t.waiting, project)
		}
		t.busy[project] = true
		close(turn)
	}
}
