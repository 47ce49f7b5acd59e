package dispatch

import (
	"slices"
	"time"
)

// Nothing looks at what waits for a circuit, so its time may run out there. It
// is noticed whenever the circuit opens again, at least once a minute.

func (s *schedule) expireEndpoint(g *endpoint, now time.Duration) {
	for _, p := range g.projects {
		s.expireProject(p, now)
	}
}

func (s *schedule) expireProject(p *project, now time.Duration) {
	for k := range p.turns {
		p.turns[k].resources.each(func(r *resource) { s.expireResource(r, now) })
	}
	p.waiting.each(func(r *resource) { s.expireResource(r, now) })
}

// expireResource makes overdue what has waited for too long.
func (s *schedule) expireResource(r *resource, now time.Duration) {
	g := r.project.endpoint
	latest := seconds(now - g.plan.Retry.For)
	r.lanes.each(func(l *lane) {
		isOver := func(it item) bool {
			if it.queued >= latest {
				return false
			}
			g.overdue.push(delayed{lane: l, item: it})
			return true
		}
		l.again = slices.DeleteFunc(l.again, isOver)
		fresh := l.fresh
		l.fresh = fresh[:0]
		for _, it := range fresh {
			if !isOver(it) {
				l.fresh.push(it)
			}
		}
		if l.empty() {
			s.unline(l, now)
		}
	})
}

// takeOverdue picks an event whose time is over: it is not attempted, so
// neither the circuits nor the trigger's limit count.
func (s *schedule) takeOverdue(g *endpoint, now time.Duration) *job {
	for len(g.overdue) > 0 {
		d := g.overdue[0]
		isOver := !d.lane.dropped && !d.lane.held && d.lane.resource.isStopped()
		if isOver && !s.fits(d.lane, d.item) {
			return nil // few are at a limit while a circuit is open
		}
		g.overdue.pop()
		if isOver {
			return &job{item: d.item, lane: d.lane, overdue: true}
		}
		s.reinstate(d, now)
	}
	return nil
}

// isStopped reports whether an open circuit stops the resource.
func (r *resource) isStopped() bool {
	return r.circuit.open || r.project.circuit.open || r.project.endpoint.circuit.open
}

// reinstate gives what was overdue another chance: it may succeed now.
func (s *schedule) reinstate(d delayed, now time.Duration) {
	if !d.lane.dropped {
		d.lane.again.push(d.item)
		s.line(d.lane, now)
	}
}
