package dispatch

import (
	"time"
)

// standing is what can be expected of a resource: the better it is, the more of
// each bound its attempts may take.
type standing int8

const (
	idle    standing = iota // proven, and none of its attempts is under way
	proven                  // its last attempt ended well
	untried                 // nothing is known of it
	failing                 // its last attempt failed, and soon
	hanging                 // its last attempt failed after it had been awaited
	standings
)

// resource is what events act on: a type, an ID and a project. It is known
// while it has events, and for a while longer.
type resource struct {
	queue   *queue
	project *project
	id      string
	lanes   list[*lane] // with events that may be attempted
	places  link[*resource]
	circuit circuit

	attached int32 // lanes
	running  int32 // attempts
	young    int32 // of them, those that are not late
	window   int32 // how many of these there may be
	late     int32 // of them, those that are, and nothing has ended well since
	epoch    int32 // counts what ended well
	standing standing
	// since is when it last ended well, or had nothing to do any more, and took
	// how long it took then.
	since, took time.Duration
}

func (r *resource) link() *link[*resource] { return &r.places }

// trials is how many late attempts what has proven itself may have at a time:
// not all of its events need take equally long.
const trials = 4

// hasRoom reports whether one more attempt may begin.
func (r *resource) hasRoom(now time.Duration) bool {
	switch {
	case r.circuit.open:
		return r.circuit.allows(idle, now)
	case r.young >= r.window, r.running >= r.project.endpoint.window:
		return false
	case r.late > 0: // it may have come to a stop
		return r.standing == proven && r.young == 0 && r.late < trials
	default:
		return true
	}
}

// isSilent reports whether an attempt has taken longer than it should.
func (r *resource) isSilent(began, now time.Duration) bool {
	return now-max(began, r.since) >= max(patience, 2*r.took)
}

// learn takes in how an attempt ended. A resource that answers may have four times
// as many attempts at once as soon as it uses those it has; after a failure it
// has one.
func (r *resource) learn(f finding, began, now time.Duration, most int32) {
	took := now - began
	switch {
	case f.health == well:
		if r.running >= r.window {
			r.window = min(4*r.window, most)
		}
		r.standing, r.since, r.took = proven, now, took
		r.late = 0
		r.epoch++
	case f.isFailure():
		r.window, r.took = 1, 0
		if r.standing = failing; took >= patience {
			r.standing = hanging
		}
	}
}

// turn is the standing among which it takes its turn.
func (r *resource) turn() standing {
	if r.standing == proven && r.running == 0 {
		return idle
	}
	return r.standing
}

// reset forgets what is known. Attempts that are under way do not count any
// more.
func (r *resource) reset() {
	r.circuit = circuit{}
	r.running, r.window, r.young, r.late = 0, 1, 0, 0
	r.standing, r.took = untried, 0
}

// project is a project's use of a trigger.
type project struct {
	endpoint  *endpoint
	name      string
	turns     [standings]turn
	waiting   list[*resource] // with events, and without room
	circuit   circuit
	failing   []*resource   // since its last success
	isRefused bool          // why the circuit is open: not for what fails in it
	early     time.Duration // when a proven resource may probe the circuit

	resources int
	resting   int // of them, those without events
	doubtful  int // attempts that may be of no use: not of proven ones, or late
}

// turn is where a project's resources of one standing wait for theirs.
type turn struct {
	project   *project
	resources list[*resource]
	places    link[*turn]
}

func (t *turn) link() *link[*turn] { return &t.places }

func newProject(g *endpoint, name string) *project {
	p := &project{endpoint: g, name: name}
	for k := range p.turns {
		p.turns[k].project = p
	}
	return p
}

// admits reports whether an attempt of a resource of that standing may begin.
func (p *project) admits(k standing, now time.Duration) bool {
	switch {
	case !p.circuit.open:
		return k <= proven || p.mayDoubt()
	case k <= proven && !p.isRefused && now >= p.early:
		// What works shall not wait for long because much else fails.
		return true
	case !p.circuit.allows(k, now):
		return false
	}
	// The probe is the one that is most likely to succeed.
	for better := range k {
		if !p.turns[better].resources.empty() {
			return false
		}
	}
	return true
}

// mayDoubt reports whether one more doubtful attempt may begin. A project may
// have as many of those as it leaves to others, and always a quarter.
func (p *project) mayDoubt() bool {
	g := p.endpoint
	return p.doubtful < max(1, g.doubt/4, g.doubt-g.doubtful)
}

// doubt adds n to the attempts under way that may be of no use.
func (p *project) doubt(n int) {
	p.doubtful += n
	p.endpoint.doubtful += n
}

// place puts the project where its turns will come.
func (p *project) place(now time.Duration) {
	for k := range standings {
		t := &p.turns[k]
		var to *list[*turn]
		if !t.resources.empty() && p.admits(k, now) {
			to = &p.endpoint.rings[k]
		}
		if to == nil || !to.holds(t) {
			move(t, to)
		}
	}
}

// place puts a resource where its turn will come.
func (s *schedule) place(r *resource, now time.Duration) {
	p := r.project
	var to *list[*resource]
	switch {
	case r.lanes.empty():
	case !r.hasRoom(now):
		to = &p.waiting
	default:
		to = &p.turns[r.turn()].resources
	}
	if to == nil || !to.holds(r) {
		if s.rest.holds(r) {
			p.resting--
		}
		move(r, to)
	}
	if r.running == 0 && r.lanes.empty() && r.took < patience {
		r.window = 1 // whether it still works one attempt tells, and soon enough
	}
	if r.attached == 0 && r.running == 0 {
		s.leaveAlone(r, now)
	}
	p.place(now)
}

// What is known of a resource is remembered for a while after its last event,
// for so many resources of a project.
const (
	remember = 10 * time.Minute
	mostIdle = 1024
)

// leaveAlone keeps what is known of a resource for a while.
func (s *schedule) leaveAlone(r *resource, now time.Duration) {
	if r.standing == untried || r.project.resting >= mostIdle {
		s.forgetResource(r)
		return
	}
	r.since = now
	s.rest.push(r)
	r.project.resting++
}

// tidy forgets the resources that have been without events for long.
func (s *schedule) tidy(now time.Duration) {
	for !s.rest.empty() && s.rest.first.since+remember <= now {
		r := s.rest.first
		remove(r)
		r.project.resting--
		s.forgetResource(r)
	}
}

func (s *schedule) forgetResource(r *resource) {
	delete(r.queue.resources, resourceKey{r.project.name, r.id})
	if r.circuit.open {
		r.queue.openResources--
	}
	p := r.project
	if p.resources--; p.resources == 0 {
		delete(p.endpoint.projects, p.name)
		if p.circuit.open {
			p.endpoint.openProjects--
		}
	}
}

type resourceKey struct{ project, id string }

// resource returns the resource of a project, and makes it when it is new.
func (s *schedule) resource(st *queue, projectName, id string) *resource {
	if r := st.resources[resourceKey{projectName, id}]; r != nil {
		return r
	}
	p := st.endpoint.project(projectName)
	r := &resource{queue: st, project: p, id: id}
	r.reset()
	st.resources[resourceKey{p.name, id}] = r
	p.resources++
	return r
}
