package dispatch

import "time"

// job is an event in the hands of a worker.
type job struct {
	item     item
	lane     *lane
	endpoint *endpoint // the one to attempt it, also when another plan comes
	project  *project
	probes   probes
	changes  uint64 // schedule.changes when the job began
	session  *session
	weight   int64 // what it counts for in Concurrency.Bytes
	standing standing
	began    time.Duration
	looked   time.Duration // when it was last seen not to be late
	epoch    int32         // of the resource when it was seen to be
	// queued is when the event was accepted or queued again, once it is claimed.
	queued time.Duration
	places link[*job]

	left bool // it has given up its place at the endpoint: its result is being recorded
	// overdue means that the event's time ran out behind an open circuit.
	overdue    bool
	isDoubtful bool // it counts so for its project
	isLate     bool // its end has been awaited for long
	isAside    bool // it was set aside because it is late
}

// probes are what the three circuits want to know at the attempt's end.
type probes struct{ endpoint, project, resource int32 }

func (j *job) link() *link[*job] { return &j.places }

// inUse reports whether the plan under which the job began is still in use.
func (j *job) inUse() bool { return j.endpoint == j.lane.resource.queue.endpoint }

// fate is what the schedule does with an event that a worker hands back.
type fate int

const (
	forget fate = iota // it is no longer pending
	later              // it waits until its time
	hold               // its integration is disabled
	drop               // its integration is deleted
)

// take picks the next event to attempt, if one may be attempted now.
func (s *schedule) take(now time.Duration) *job {
	if s.untold > 0 {
		return nil
	}
	for range s.endpoints {
		g := s.endpoints[s.turn]
		s.turn = (s.turn + 1) % len(s.endpoints)
		if !s.hasPlace(g) {
			continue
		}
		g.overdueNext = !g.overdueNext
		var j *job
		if g.overdueNext {
			j = s.takeOverdue(g, now)
		}
		if j == nil {
			j = s.takeReady(g, now)
		}
		if j == nil && !g.overdueNext {
			j = s.takeOverdue(g, now)
		}
		if j != nil {
			j.endpoint, j.project, j.changes = g, j.lane.resource.project, s.changes
			s.enter(j, now)
			s.place(j.lane.resource, now)
			return j
		}
	}
	return nil
}

// takeReady picks an event of a resource: the standings take turns, except that a
// probe of the endpoint is taken from the best.
func (s *schedule) takeReady(g *endpoint, now time.Duration) *job {
	for n := range standings {
		k := n
		if !g.circuit.open {
			k = (g.next + n) % standings
		}
		if g.rings[k].empty() || !g.circuit.allows(k, now) || !g.allows(k) {
			continue
		}
		if j := s.takeOf(&g.rings[k], now); j != nil {
			g.next = (k + 1) % standings
			return j
		}
	}
	return nil
}

// looks bounds the search for a lane with an event that fits. Few can be at a
// limit at once, and the next search goes on behind them.
const looks = 64

// takeOf picks one of those that take turns.
func (s *schedule) takeOf(ring *list[*turn], now time.Duration) *job {
	var first *lane
	for range looks {
		t := ring.first
		r := t.resources.first
		l := r.lanes.first
		if l == first {
			return nil
		}
		ring.turn()
		t.resources.turn()
		r.lanes.turn()
		if !s.fits(l, l.peek()) {
			if first == nil {
				first = l
			}
			continue
		}
		j := &job{item: l.pop(), lane: l}
		if l.empty() {
			remove(l)
		}
		p := t.project
		j.probes = probes{p.endpoint.circuit.begin(), p.circuit.begin(), r.circuit.begin()}
		if p.circuit.open {
			p.early = now + provenPause
			s.pauses.push(pause{due: p.early, project: p})
		}
		return j
	}
	return nil
}

// giveBack ends a job. With later and hold the event waits for the delay;
// for hold, a delay of 0 means until something changes.
func (s *schedule) giveBack(j *job, f fate, delay, now time.Duration) {
	s.busy--
	l := j.lane
	if l.dropped {
		return
	}
	st := l.resource.queue
	switch f {
	case forget:
		st.pending--
		if l.events--; l.events == 0 {
			s.discard(l, now)
		}
	case later:
		s.delays.push(delayed{due: now + delay, lane: l, item: j.item})
	case hold:
		l.again.push(j.item)
		if j.changes == s.changes && !l.held {
			s.hold(l, delay, now)
		}
		s.line(l, now)
	case drop:
		s.drop(l, now)
	}
}

// hold keeps a lane from its turns.
func (s *schedule) hold(l *lane, delay, now time.Duration) {
	l.held = true
	s.unline(l, now)
	if delay > 0 {
		s.delays.push(delayed{due: now + delay, lane: l})
		return
	}
	s.held[l.identity] = append(s.held[l.identity], l)
}
