package dispatch

import (
	"strings"
	"time"

	"github.com/hookgate/hookgate/module/trigger"
)

// endpoint is a trigger in use, with what all its resource types share.
type endpoint struct {
	trigger  trigger.Trigger // nil for what no trigger serves
	plan     *Plan
	circuit  circuit
	queues   []*queue
	projects map[string]*project
	rings    [standings]list[*turn] // of projects with something to attempt
	next     standing               // whose ring is next
	overdue  fifo[delayed]
	// overdueNext is set when an event whose time is over comes next.
	overdueNext bool

	// limit is how many attempts may be under way at once, aside how many more
	// may be that have been awaited for long.
	limit, aside int
	spare        int   // how many more than limit, for resources with none
	window       int32 // the most that one resource may have of both
	doubt        int   // the most that all projects may have of doubtful ones
	doubtful     int   // of them, those that are under way
	late         list[*job]
	timeout      time.Duration // of one attempt

	openProjects int
	lines        quota // in the log, about its circuits
}

func newEndpoint(t trigger.Trigger, plan *Plan) *endpoint {
	g := &endpoint{trigger: t, plan: plan, projects: make(map[string]*project)}
	if t == nil {
		return g
	}
	g.timeout = trigger.DefaultAttemptTimeout
	if limited, ok := t.(trigger.TimeLimited); ok && limited.AttemptTimeout() > 0 {
		g.timeout = limited.AttemptTimeout()
	}
	g.limit = plan.Concurrency.PerTrigger
	g.aside = plan.Concurrency.aside() / 2
	g.spare = spare(g.limit)
	if limited, ok := t.(trigger.Limited); ok && limited.ConcurrencyLimit() > 0 {
		g.limit, g.aside, g.spare = limited.ConcurrencyLimit(), 0, 0
	}
	g.window = int32(part(g.limit, untried))
	g.doubt = part(g.limit, untried) + g.aside
	return g
}

// project returns a project's use of the trigger.
func (g *endpoint) project(name string) *project {
	p := g.projects[name]
	if p == nil {
		p = newProject(g, strings.Clone(name))
		g.projects[p.name] = p
	}
	return p
}

// resourceTypes names the types that it serves.
func (g *endpoint) resourceTypes() []string {
	types := make([]string, len(g.queues))
	for i, st := range g.queues {
		types[i] = st.resourceType
	}
	return types
}

// running counts the attempts of resources of a standing, and of all worse ones,
// that are under way and not set aside.
func (g *endpoint) running(k standing) (n int) {
	for _, st := range g.queues {
		n += st.running.from(k)
	}
	return n
}

// allows reports whether one more attempt may be under way for a resource of that
// standing: the worse it is, the less of the limit it can have, and the spare
// attempts are not for resources that have one.
func (g *endpoint) allows(k standing) bool {
	bound := g.limit
	if k != proven {
		bound += g.spare
	}
	if g.running(idle) >= bound {
		return false
	}
	for ; k >= untried; k-- {
		if g.running(k) >= part(g.limit, k) || k == hanging && g.hanging() >= max(1, (g.limit+g.aside)/4) {
			return false
		}
	}
	return true
}

// hanging counts the attempts of hanging resources, those set aside too.
func (g *endpoint) hanging() (n int) {
	for _, st := range g.queues {
		n += st.running[hanging] + st.aside[hanging]
	}
	return n
}

// setAside counts the attempts that are under way aside.
func (g *endpoint) setAside() (n int) {
	for _, st := range g.queues {
		n += st.aside.from(idle)
	}
	return n
}

// isIdle reports whether nothing waits for its turn.
func (g *endpoint) isIdle() bool {
	for k := range g.rings {
		if !g.rings[k].empty() {
			return false
		}
	}
	return true
}

// tally counts by standing.
type tally [standings]int

// from sums up those of the standing and of all worse ones.
func (t *tally) from(k standing) (n int) {
	for ; k < standings; k++ {
		n += t[k]
	}
	return n
}

// part is how much of a bound the resources of a standing and of all worse ones
// may take together: three quarters of it untried ones, half of it failing
// ones, one quarter hanging ones.
func part[T int | int64](bound T, k standing) T {
	return max(1, bound-bound*T(max(k-proven, 0))/4)
}

// spare is how far resources that have no attempt under way may exceed a bound:
// slow ones must not keep all others from theirs.
func spare(bound int) int { return bound / 4 }
