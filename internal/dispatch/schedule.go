package dispatch

import (
	"math"
	"strings"
	"time"

	"github.com/hookgate/hookgate/module/storage"
)

// schedule knows every pending event and which of them is next. It keeps no
// clock and no lock: the Dispatcher does.
//
// An event that may be attempted waits in the lane of its integration and
// resource, one whose time has not come in the heap of delays. The lanes of a
// resource take turns, the resources of a project, the projects of a trigger, and
// the triggers. What must not be attempted now is not among those that take
// turns: a resource or a project whose circuit is open waits outside, so that it
// costs nothing until its time comes.
type schedule struct {
	limits Concurrency

	queues    map[string]*queue
	order     []*queue // all queues
	endpoints []*endpoint
	unserved  *endpoint // in charge of what no trigger serves
	turn      int       // whose turn it is in endpoints
	delays    heap[delayed]
	pauses    heap[pause]
	rest      list[*resource] // those without events, the longest first
	held      map[storage.Identity][]*lane

	busy    int              // jobs, but for those set aside
	aside   int              // attempts set aside
	bytes   [standings]int64 // that jobs hold
	running map[storage.Identity]load
	young   list[*job] // attempts that are not awaited for long, the oldest first
	untold  int        // results that the storage does not take at present

	// changes counts what may have changed an integration's state. A lane is
	// held on the word of an earlier state only if nothing has changed since.
	changes uint64
}

func newSchedule() schedule {
	return schedule{
		limits:   Concurrency{}.withDefaults(),
		queues:   make(map[string]*queue),
		unserved: newEndpoint(nil, nil),
		held:     make(map[storage.Identity][]*lane),
		running:  make(map[storage.Identity]load),
	}
}

// queue is where the events of one resource type wait.
type queue struct {
	resourceType   string
	endpoint       *endpoint
	resources      map[resourceKey]*resource
	lanes          map[laneKey]*lane
	pending        int
	running, aside tally // attempts
	openResources  int
	warned         bool // that no trigger serves the type
}

// isServed reports whether a trigger serves the type.
func (st *queue) isServed() bool { return st.endpoint.trigger != nil }

// inFlight counts the attempts that are under way.
func (st *queue) inFlight() int { return st.running.from(idle) + st.aside.from(idle) }

type laneKey struct {
	integration storage.Identity
	resource    string
}

// lane is where the events of one integration and resource wait.
type lane struct {
	resource  *resource
	identity  storage.Identity
	webhookID string
	fresh     heap[item] // came from the storage
	again     fifo[item] // had a worker before
	places    link[*lane]
	events    int32 // all that belong to the lane, delayed and in flight too
	held      bool
	dropped   bool
	freshNext bool
}

func (l *lane) link() *link[*lane] { return &l.places }

func (l *lane) key() laneKey { return laneKey{l.identity, l.resource.id} }

func (l *lane) empty() bool { return len(l.fresh)+len(l.again) == 0 }

// peek returns what pop will. Both queues take turns: old failures and a fresh
// backlog do not starve each other.
func (l *lane) peek() item {
	if l.isFreshNext() {
		return l.fresh[0]
	}
	return l.again[0]
}

func (l *lane) pop() item {
	fresh := l.isFreshNext()
	l.freshNext = !fresh
	if fresh {
		return l.fresh.pop()
	}
	return l.again.pop()
}

func (l *lane) isFreshNext() bool { return len(l.again) == 0 || l.freshNext && len(l.fresh) > 0 }

// queue returns the place of a resource type.
func (s *schedule) queue(resourceType string) *queue {
	st := s.queues[resourceType]
	if st == nil {
		st = &queue{
			resourceType: strings.Clone(resourceType),
			endpoint:     s.unserved,
			resources:    make(map[resourceKey]*resource),
			lanes:        make(map[laneKey]*lane),
		}
		s.queues[st.resourceType] = st
		s.order = append(s.order, st)
	}
	return st
}

// lane returns the place of an integration's events for a resource.
func (s *schedule) lane(ref storage.Ref, now time.Duration) *lane {
	st := s.queue(ref.ResourceType)
	if l := st.lanes[laneKey{ref.Integration, ref.ResourceID}]; l != nil {
		return l
	}
	r := s.resource(st, ref.Project, ref.ResourceID)
	l := &lane{resource: r, identity: ref.Integration, webhookID: strings.Clone(ref.WebhookID)}
	st.lanes[l.key()] = l
	r.attached++
	s.place(r, now)
	return l
}

// add takes in a pending event that is due at the given time, and returns
// where it waits.
func (s *schedule) add(ref storage.Ref, due, now time.Duration) *queue {
	l := s.lane(ref, now)
	st := l.resource.queue
	l.events++
	st.pending++
	// A fresh event is due when it was queued. For one that was attempted
	// before this process began it is the best that is known.
	it := item{id: ref.ID, size: sizeOf(ref), queued: seconds(min(due, now))}
	if due > now {
		s.delays.push(delayed{due: due, lane: l, item: it})
		return st
	}
	l.fresh.push(it)
	s.line(l, now)
	return st
}

// line puts a lane with something to attempt among those of its resource.
func (s *schedule) line(l *lane, now time.Duration) {
	r := l.resource
	if l.held || l.dropped || l.empty() || r.lanes.holds(l) {
		return
	}
	r.lanes.push(l)
	if r.lanes.first == l { // else the resource is where it belongs
		s.place(r, now)
	}
}

// unline takes a lane out of there.
func (s *schedule) unline(l *lane, now time.Duration) {
	remove(l)
	s.place(l.resource, now)
}

// discard lets go of a lane whose events are gone.
func (s *schedule) discard(l *lane, now time.Duration) {
	delete(l.resource.queue.lanes, l.key())
	l.resource.attached--
	s.unline(l, now)
}

// pause is when an open circuit may have its probe, of a resource or of a
// project.
type pause struct {
	due      time.Duration
	resource *resource
	project  *project
}

func (a pause) before(b pause) bool { return a.due < b.due }

// ripen moves the events whose time has come into their lanes, and what waited
// for a circuit to where its turn comes.
func (s *schedule) ripen(now time.Duration) {
	for len(s.delays) > 0 && s.delays[0].due <= now {
		d := s.delays.pop()
		switch {
		case d.lane.dropped:
			continue
		case d.item.id.IsZero():
			d.lane.held = false
		default:
			d.lane.again.push(d.item)
		}
		s.line(d.lane, now)
	}
	for len(s.pauses) > 0 && s.pauses[0].due <= now {
		p := s.pauses.pop()
		switch r := p.resource; {
		case r == nil:
			p.project.place(now)
		case !r.circuit.open, r.attached == 0:
		case now < r.circuit.until: // it asked to be left alone for longer
			s.expireResource(r, now)
			s.pauseResource(r, now)
		default:
			s.place(r, now)
		}
	}
}

// pauseResource has a resource looked at when its circuit may be probed; and
// earlier, so that what waits for it is noticed when it becomes too old.
func (s *schedule) pauseResource(r *resource, now time.Duration) {
	s.pauses.push(pause{due: min(r.circuit.until, now+longestPause), resource: r})
}

// pauseProject does so for a project, and for the proven ones of its resources.
func (s *schedule) pauseProject(p *project, now time.Duration) {
	p.early = now + provenPause
	s.pauses.push(pause{due: p.early, project: p})
	if p.circuit.until > p.early {
		s.pauses.push(pause{due: p.circuit.until, project: p})
	}
}

// serve puts the endpoints in charge of the resource types they name.
func (s *schedule) serve(endpoints []*endpoint, now time.Duration) {
	old := append(s.endpoints, s.unserved)
	s.endpoints, s.unserved, s.turn = endpoints, newEndpoint(nil, nil), 0
	for _, st := range s.order {
		st.endpoint, st.warned, st.openResources = s.unserved, false, 0
	}
	for _, g := range endpoints {
		for _, resourceType := range g.trigger.ResourceTypes() {
			if st := s.queue(resourceType); st.endpoint == s.unserved {
				st.endpoint = g
				g.queues = append(g.queues, st)
			}
		}
	}
	s.rest, s.pauses = list[*resource]{}, nil
	for _, st := range s.order {
		for key, r := range st.resources {
			remove(r)
			if r.reset(); r.attached == 0 {
				delete(st.resources, key)
				continue
			}
			r.project = st.endpoint.project(r.project.name)
			r.project.resources++
			s.place(r, now)
		}
		for _, l := range st.lanes {
			l.held = false
			s.line(l, now)
		}
	}
	for _, g := range old {
		for len(g.overdue) > 0 {
			s.reinstate(g.overdue.pop(), now)
		}
	}
	clear(s.held)
	s.changes++
}

// release lets an integration's held lanes go on.
func (s *schedule) release(identity storage.Identity, now time.Duration) {
	for _, l := range s.held[identity] {
		l.held = false
		s.line(l, now)
	}
	delete(s.held, identity)
	s.changes++
}

// clamp brings nearer what is due later than the given time. The heap stays
// one: the order of two due times is never turned round.
func (s *schedule) clamp(latest time.Duration) {
	for i := range s.delays {
		s.delays[i].due = min(s.delays[i].due, latest)
	}
}

// next is when something happens by itself again.
func (s *schedule) next(now time.Duration) (time.Duration, bool) {
	at := time.Duration(math.MaxInt64)
	if len(s.delays) > 0 {
		at = s.delays[0].due
	}
	if len(s.pauses) > 0 {
		at = min(at, s.pauses[0].due)
	}
	for _, g := range s.endpoints {
		if g.circuit.state(now) == StateOpen && !g.isIdle() {
			at = min(at, g.circuit.until)
		}
	}
	if !s.young.empty() {
		// Under load that time keeps moving: rounding it up saves resetting the timer.
		const grain = patience / 4
		at = min(at, (s.young.first.looked+patience+grain-1)/grain*grain)
	}
	return at, at < math.MaxInt64
}

// seconds converts a time of the schedule's for an item.
func seconds(t time.Duration) int32 {
	return int32(min(max(t/time.Second, math.MinInt32), math.MaxInt32))
}
