package dispatch

import (
	"net/http"
	"slices"
	"time"

	"github.com/hookgate/hookgate/module/trigger"
)

// finding is what an attempt has found out about endpoint, project and
// resource. Its zero value is nothing.
type finding struct {
	health health
	fault  trigger.Fault // what is at fault, if it is a failure
	// reached is set when the endpoint was reached.
	reached bool
	// least is how long the resource asked to be left alone.
	least time.Duration
}

func (f finding) isFailure() bool { return f.health == ill || f.health == refused }

// find reads a result. most bounds what an endpoint may ask for.
func find(result trigger.Result, most time.Duration) finding {
	f := finding{reached: result.StatusCode > 0}
	switch {
	case result.Verdict == trigger.Delivered, result.Verdict == trigger.Pending:
		return finding{health: well, reached: true}
	case result.Verdict == trigger.Fail && f.reached:
		f.health = well // it answered, if not as we wished
		return f
	case result.Verdict == trigger.Fail, result.Error == trigger.ErrInternal:
		return finding{}
	case result.Verdict == trigger.RefusedCredential:
		f.health = refused
	default:
		f.health = ill
	}
	switch f.fault = result.Fault; f.fault {
	case trigger.FaultUnsaid:
		f.fault = faultOf(result)
	case trigger.FaultResource, trigger.FaultProject:
		f.reached = true
	}
	status := result.StatusCode
	if f.fault == trigger.FaultResource && (status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable) {
		f.least = min(result.RetryAfter, most)
	}
	return f
}

// faultOf returns what is at fault where the trigger does not say.
func faultOf(result trigger.Result) trigger.Fault {
	switch status := result.StatusCode; {
	case status == http.StatusUnauthorized, status == http.StatusProxyAuthRequired,
		status == 0 && result.Verdict == trigger.RefusedCredential:
		return trigger.FaultProject
	case status == 0 && slices.Contains([]string{trigger.ErrDNS, trigger.ErrConnect, trigger.ErrTLS}, result.Error):
		return trigger.FaultEndpoint
	default:
		return trigger.FaultResource
	}
}

// circuits are those that a job has to pass, and whether each is open. One that
// its resource asked for does not count.
type circuits struct{ endpoint, project, resource bool }

func (j *job) circuits() circuits {
	r := &j.lane.resource.circuit
	return circuits{j.endpoint.circuit.open, j.project.circuit.open, r.open && r.pause > 0}
}

// settle has the resource and the circuits learn what an attempt has found.
func (s *schedule) settle(j *job, f finding, now time.Duration) {
	g, p, r := j.endpoint, j.project, j.lane.resource
	r.learn(f, j.began, now, g.window)
	r.running--
	switch {
	case !j.isLate:
		r.young--
	case j.epoch == r.epoch:
		r.late--
	}
	wasOpen := circuits{project: p.circuit.open, resource: r.circuit.open}
	opened := j.tell(f, now)
	if opened.endpoint {
		s.expireEndpoint(g, now)
	}
	if opened.project {
		s.pauseProject(p, now)
		s.expireProject(p, now)
	}
	if opened.resource {
		s.pauseResource(r, now)
		s.expireResource(r, now)
	}
	g.openProjects += change(wasOpen.project, p.circuit.open)
	r.queue.openResources += change(wasOpen.resource, r.circuit.open)
}

// change is by how much a circuit changes the number of open ones.
func change(before, after bool) int {
	switch {
	case before == after:
		return 0
	case after:
		return 1
	default:
		return -1
	}
}

// tell takes a finding to the three circuits that the job had to pass, and
// returns which of them it has opened, for the first time or again. A failure
// counts only for what is at fault, so that no other circuit stays open when the
// fault ends.
func (j *job) tell(f finding, now time.Duration) (opened circuits) {
	g, p, r := j.endpoint, j.project, j.lane.resource

	h := silent
	switch {
	case f.isFailure() && f.fault == trigger.FaultEndpoint:
		h = ill
	case f.reached:
		h = well
	case f.isFailure() && f.fault == trigger.FaultResource && g.circuit.isProbe(j.probes.endpoint):
		h = ill // a timeout: the endpoint has not shown that it is back
	}
	opened.endpoint = g.circuit.end(j.probes.endpoint, h, 0, now)

	opened.project = p.circuit.end(j.probes.project, p.hear(f, r, p.circuit.isProbe(j.probes.project)), 0, now)

	h = silent
	if f.health == well || f.fault == trigger.FaultResource {
		h = f.health
	}
	opened.resource = r.circuit.end(j.probes.resource, h, f.least, now)
	return opened
}

// hear returns what a finding about one of its resources means for the project.
func (p *project) hear(f finding, r *resource, isProbe bool) health {
	switch {
	case f.health == well:
		p.failing = nil
		return well
	case f.isFailure() && f.fault == trigger.FaultProject:
		p.isRefused = true
		return refused
	case !f.isFailure() || f.fault != trigger.FaultResource || f.least > 0:
		return silent // a resource that wants to be left alone says nothing of others
	case isProbe:
		return ill
	case p.circuit.open:
		return silent
	case !slices.Contains(p.failing, r):
		p.failing = append(p.failing, r)
	}
	if len(p.failing) < tolerated {
		return silent
	}
	p.failing, p.isRefused = nil, false
	return refused
}
