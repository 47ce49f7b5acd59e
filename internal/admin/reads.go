package admin

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/hookgate/hookgate/internal/turns"
)

// Reads are lists, events, and what reads many events. A project may have
// mostOfProject of them under way, and fewOfProject once half of all are: so a few
// projects whose readers do not take what they ask for leave room for the others.
const (
	mostReads     = 256
	mostOfProject = 32
	fewOfProject  = 4

	// readWait is how long a read waits for one of its project to end.
	readWait = 5 * time.Second
)

// Reads bounds what administrators read at once, in number and in the whole events
// that are in memory for it.
type Reads struct {
	mu        sync.Mutex
	underWay  int
	ofProject map[string]int // "" is the platform administrator
	ended     chan struct{}  // closed when one ends

	// An event is in memory for as long as it takes to decrypt it or to write it
	// once more, or to be judged by an expression, whoever waits for that.
	events, judged *turns.Turns
}

// NewReads returns one that has nothing under way.
func NewReads() *Reads {
	return &Reads{
		ofProject: make(map[string]int),
		ended:     make(chan struct{}),
		events:    turns.New(turns.Limits{Total: 2, PerProject: 1}),
		judged:    turns.New(turns.Limits{Total: 4, PerProject: 1, Part: 250 * time.Millisecond}),
	}
}

// seated has a handler count among the reads of its project while it runs.
func seated(serve func(*call) error) func(*call) error {
	return func(c *call) error {
		end, err := c.Reads.begin(c.r.Context(), c.project)
		if err != nil {
			return err
		}
		defer end()
		return serve(c)
	}
}

// begin counts a read, once there is room for it.
func (r *Reads) begin(ctx context.Context, project string) (end func(), err error) {
	timer := time.NewTimer(readWait)
	defer timer.Stop()
	for {
		ended, ok := r.tryBegin(project)
		if ok {
			return func() { r.end(project) }, nil
		}
		select {
		case <-ended:
		case <-timer.C:
			return nil, &refusal{http.StatusServiceUnavailable, "too many answers to reads of this project are being waited for"}
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// tryBegin says whether there is room, and what is closed once there may be.
func (r *Reads) tryBegin(project string) (ended <-chan struct{}, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	most := mostOfProject
	if r.underWay >= mostReads/2 {
		most = fewOfProject
	}
	if r.ofProject[project] >= most || r.underWay >= mostReads {
		return r.ended, false
	}
	r.underWay++
	r.ofProject[project]++
	return nil, true
}

func (r *Reads) end(project string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.underWay--
	if r.ofProject[project]--; r.ofProject[project] == 0 {
		delete(r.ofProject, project)
	}
	close(r.ended)
	r.ended = make(chan struct{})
}
