package dispatch

import (
	"cmp"
	"math"
	"time"

	"github.com/hookgate/hookgate/module/storage"
)

// Concurrency bounds what is under way at once. A zero field takes its
// default. What is over a bound waits its turn.
//
// An attempt that is late, of a resource that has been silent for longer than it
// used to be, no longer counts for the first three bounds: it is set aside, so that
// what hangs holds nothing up. Four times Total bounds those set aside.
type Concurrency struct {
	// Total bounds the attempts, including those that have ended and wait for the
	// storage to take their result. Half of it is shared out among the
	// triggers, so that none can take it all. Default: 256.
	Total int

	// PerTrigger bounds the attempts by one trigger; a quarter more is for resources
	// with no attempt under way. Default: 64. A bound of the trigger's own
	// (trigger.Limited) goes before: it has no such quarter, and counts those that
	// would be set aside.
	PerTrigger int

	// PerIntegration bounds the attempts for one integration; a quarter more is for
	// resources with no attempt under way. Default: 32.
	PerIntegration int

	// Bytes bounds the headers and bodies that attempts hold in memory, and a quarter
	// of it those of one integration, or a single larger event. An event of more than
	// half of it counts as half of it, one of less than a 4096th as nothing. Default:
	// 64 MiB.
	Bytes int64
}

// patience is how long an attempt takes at least before it counts as late.
const patience = 200 * time.Millisecond

func (c Concurrency) withDefaults() Concurrency {
	c.Total = cmp.Or(max(c.Total, 0), 256)
	c.PerTrigger = cmp.Or(max(c.PerTrigger, 0), 64)
	c.PerIntegration = cmp.Or(max(c.PerIntegration, 0), 32)
	c.Bytes = cmp.Or(max(c.Bytes, 0), 64<<20)
	return c
}

// aside is how many attempts may be under way aside.
func (c Concurrency) aside() int { return 4 * c.Total }

// load is what is under way.
type load struct {
	attempts int
	bytes    int64
}

// fits reports whether an event of the lane may be attempted beside what is under
// way.
func (s *schedule) fits(l *lane, it item) bool {
	own, bytes := s.running[l.identity], s.weight(it)
	most := s.limits.PerIntegration
	if l.resource.running == 0 {
		most += spare(most)
	}
	if own.attempts >= most {
		return false
	}
	if bytes == 0 {
		return true
	}
	held := int64(0) // by resources of this standing and worse ones, in turn
	for k := standings - 1; k >= 0; k-- {
		held += s.bytes[k]
		if k <= l.resource.standing && held > 0 && held+bytes > part(s.limits.Bytes, k) {
			return false
		}
	}
	return own.bytes == 0 || own.bytes+bytes <= s.limits.Bytes/4
}

// weight is what an event counts for in Concurrency.Bytes.
func (s *schedule) weight(it item) int64 {
	if int64(it.size) < s.limits.Bytes/4096 {
		return 0
	}
	return min(int64(it.size), s.limits.Bytes/2)
}

// hasPlace reports whether a trigger may have one more attempt in Total: what is
// kept for the others is not for it.
func (s *schedule) hasPlace(g *endpoint) bool {
	if s.busy >= s.limits.Total {
		return false
	}
	share := s.limits.Total / (2 * len(s.endpoints))
	if g.running(idle) < share {
		return true
	}
	kept := 0
	for _, other := range s.endpoints {
		if other != g {
			kept += max(0, min(share, other.limit)-other.running(idle))
		}
	}
	return s.busy+kept < s.limits.Total
}

// enter counts a job in.
func (s *schedule) enter(j *job, now time.Duration) {
	r := j.lane.resource
	j.began, j.looked, j.standing, j.weight = now, now, r.turn(), s.weight(j.item)
	own := s.running[j.lane.identity]
	s.running[j.lane.identity] = load{own.attempts + 1, own.bytes + j.weight}
	s.bytes[j.standing] += j.weight
	s.busy++
	if j.overdue {
		return
	}
	j.lane.resource.queue.running[j.standing]++
	r.running++
	r.young++
	if j.standing > proven {
		j.isDoubtful = true
		j.project.doubt(1)
	}
	s.young.push(j)
}

// leave counts it out, but for Total: that has it until it is given back.
func (s *schedule) leave(j *job, f finding, now time.Duration) {
	if !j.overdue && j.inUse() {
		s.settle(j, f, now)
	}
	j.left = true
	remove(j)
	s.bytes[j.standing] -= j.weight
	if j.isAside {
		j.lane.resource.queue.aside[j.standing]--
		s.aside--
		s.busy++
	} else {
		s.giveWay(j)
	}
	if j.isDoubtful {
		j.project.doubt(-1)
	}
	s.place(j.lane.resource, now)
}

// giveWay takes a job out of what integration and trigger may have.
func (s *schedule) giveWay(j *job) {
	own := s.running[j.lane.identity]
	if own.attempts == 1 {
		delete(s.running, j.lane.identity)
	} else {
		s.running[j.lane.identity] = load{own.attempts - 1, own.bytes - j.weight}
	}
	if !j.overdue {
		j.lane.resource.queue.running[j.standing]--
	}
}

// wait looks for attempts that have become late, and sets them aside as far as
// there is room for them.
func (s *schedule) wait(now time.Duration) {
	for !s.young.empty() && s.young.first.looked+patience <= now {
		j, r := s.young.first, s.young.first.lane.resource
		remove(j)
		if !j.inUse() {
			continue
		}
		if !r.isSilent(j.began, now) {
			j.looked = now
			s.young.push(j)
			continue
		}
		j.isLate, j.epoch = true, r.epoch
		r.young--
		r.late++
		j.endpoint.late.push(j)
		j.endpoint.circuit.await(j.probes.endpoint, j.standing)
		j.project.circuit.await(j.probes.project, j.standing)
		s.place(r, now)
	}
	for _, g := range s.endpoints {
		for !g.late.empty() && s.aside < s.limits.aside() && g.setAside() < g.aside {
			s.setAside(g.late.first, now)
		}
	}
}

func (s *schedule) setAside(j *job, now time.Duration) {
	remove(j)
	s.giveWay(j)
	s.busy--
	s.aside++
	j.lane.resource.queue.aside[j.standing]++
	j.isAside = true
	if !j.isDoubtful {
		j.isDoubtful = true
		j.project.doubt(1)
	}
	j.project.place(now)
}

// sizeOf is an event's size as an item keeps it.
func sizeOf(ref storage.Ref) uint32 { return uint32(min(max(ref.Size, 0), math.MaxUint32)) }
