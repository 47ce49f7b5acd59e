package dispatch

import (
	"cmp"
	"math"

	"github.com/hookgate/hookgate/module/storage"
)

// Concurrency bounds what is under way at once. A zero field takes its
// default.
type Concurrency struct {
	// Total bounds the attempts, with those that have ended and wait for the
	// storage to take their result. It is larger than PerTrigger, so that some
	// triggers that hang leave room for the others. Default: 256.
	Total int

	// PerTrigger bounds the attempts by one trigger, unless it has a bound of
	// its own (trigger.Limited). Default: 64.
	PerTrigger int

	// PerIntegration bounds the attempts for one integration. Default: 32.
	PerIntegration int

	// Bytes bounds the headers and bodies that attempts hold in memory, and a
	// quarter of it those of one integration, but for its only one. An event
	// of more than half of it counts as half of it. Default: 64 MiB.
	Bytes int64
}

func (c Concurrency) withDefaults() Concurrency {
	c.Total = cmp.Or(max(c.Total, 0), 256)
	c.PerTrigger = cmp.Or(max(c.PerTrigger, 0), 64)
	c.PerIntegration = cmp.Or(max(c.PerIntegration, 0), 32)
	c.Bytes = cmp.Or(max(c.Bytes, 0), 64<<20)
	return c
}

// load is what is under way.
type load struct {
	attempts int
	bytes    int64
}

// fits says whether an event of the integration may be attempted beside what
// is under way.
func (s *schedule) fits(identity storage.Identity, it item) bool {
	own, bytes := s.running[identity], s.weight(it)
	return own.attempts < s.limits.PerIntegration &&
		s.all.bytes+bytes <= s.limits.Bytes &&
		(own.bytes == 0 || own.bytes+bytes <= s.limits.Bytes/4)
}

// weight is what an event counts for in Concurrency.Bytes.
func (s *schedule) weight(it item) int64 { return min(int64(it.size), s.limits.Bytes/2) }

// enter counts a job in.
func (s *schedule) enter(j *job) {
	j.weight = s.weight(j.item)
	own := s.running[j.lane.identity]
	s.running[j.lane.identity] = load{own.attempts + 1, own.bytes + j.weight}
	s.all.attempts++
	s.all.bytes += j.weight
	j.lane.station.running++
}

// leave counts it out, but for Total: that has it until it is given back.
func (s *schedule) leave(j *job) {
	j.left = true
	own := s.running[j.lane.identity]
	if own.attempts == 1 {
		delete(s.running, j.lane.identity)
	} else {
		s.running[j.lane.identity] = load{own.attempts - 1, own.bytes - j.weight}
	}
	s.all.bytes -= j.weight
	j.lane.station.running--
}

// sizeOf is an event's size as an item keeps it.
func sizeOf(ref storage.Ref) uint32 { return uint32(min(max(ref.Size, 0), math.MaxUint32)) }
