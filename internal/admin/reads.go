package admin

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/hookgate/hookgate/internal/turns"
)

// Reads bounds what administrators make the gateway hold at once: reads, which
// are lists, events, and calls that read many events; the bodies of writes
// being received; and whole events in memory.
type Reads struct {
	reads, bodies *seats

	// An event is in memory only while it is decrypted, stored again, or
	// evaluated, however long its caller takes.
	events, judged *turns.Turns
}

// NewReads returns a Reads with nothing in progress.
func NewReads() *Reads {
	return &Reads{
		reads:  newSeats(256, 32, 4, "too many reads of this project are in progress"),
		bodies: newSeats(64, 16, 2, "too many bodies are being received for this project"),
		events: turns.New(turns.Limits{Total: 2, PerProject: 1}),
		judged: turns.New(turns.Limits{Total: 4, PerProject: 1, Part: 250 * time.Millisecond}),
	}
}

// seatWait is how long to wait for another call of the same project to end.
const seatWait = 5 * time.Second

// seats bound calls of administrators that may take as long as they like: most
// in total, manyOfProject per project, and fewOfProject once half of all are
// taken. So a few projects that make no progress leave room for the others.
type seats struct {
	most, manyOfProject, fewOfProject int
	// full is the message if there is no seat.
	full string

	mu        sync.Mutex
	underWay  int
	ofProject map[string]int // "" is the platform administrator
	ended     chan struct{}  // closed when one ends
}

func newSeats(most, manyOfProject, fewOfProject int, full string) *seats {
	return &seats{
		most: most, manyOfProject: manyOfProject, fewOfProject: fewOfProject, full: full,
		ofProject: make(map[string]int), ended: make(chan struct{}),
	}
}

// seated counts a handler among its project's reads while it runs.
func seated(serve func(*call) error) func(*call) error {
	return func(c *call) error {
		end, err := c.Reads.reads.begin(c.r.Context(), c.project)
		if err != nil {
			return err
		}
		defer end()
		return serve(c)
	}
}

// begin takes a seat once there is one for the project.
func (s *seats) begin(ctx context.Context, project string) (end func(), err error) {
	timer := time.NewTimer(seatWait)
	defer timer.Stop()
	for {
		ended, ok := s.tryBegin(project)
		if ok {
			return func() { s.end(project) }, nil
		}
		select {
		case <-ended:
		case <-timer.C:
			return nil, &refusal{http.StatusServiceUnavailable, s.full}
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// tryBegin reports whether there was one, and otherwise returns a channel that
// is closed once there may be.
func (s *seats) tryBegin(project string) (ended <-chan struct{}, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ofProject := s.manyOfProject
	if s.underWay >= s.most/2 {
		ofProject = s.fewOfProject
	}
	if s.ofProject[project] >= ofProject || s.underWay >= s.most {
		return s.ended, false
	}
	s.underWay++
	s.ofProject[project]++
	return nil, true
}

func (s *seats) end(project string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.underWay--
	if s.ofProject[project]--; s.ofProject[project] == 0 {
		delete(s.ofProject, project)
	}
	close(s.ended)
	s.ended = make(chan struct{})
}
