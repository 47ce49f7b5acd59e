package gate

import (
	"time"

	"github.com/hookgate/hookgate/module/storage"
)

const (
	// tinyBody is a body, in bytes, that comes in a piece or two: it is never
	// made to wait. Larger ones wait for room, a pause at a time and not longer
	// than maxWait in all.
	tinyBody = 64 << 10
	maxWait  = 1500 * time.Millisecond
	pause    = 20 * time.Millisecond
	// lateAfter is how far an upload may be behind its time before one that can
	// wait may have its room, and lateNow before one that cannot.
	lateAfter = time.Second
	lateNow   = 250 * time.Millisecond
)

// overflow is what is told to a request that found no room, or lost it.
type overflow struct {
	reason string
	answer *answer
}

// share is one of the shares of the bound.
type share struct{ full, ended overflow }

var (
	ofAll         = &share{overflow{"limit_in_flight", flightFull}, overflow{"ended_in_flight", uploadEnded}}
	ofUnproven    = &share{overflow{"limit_unauthenticated_in_flight", unprovenFlightFull}, overflow{"ended_unauthenticated_in_flight", uploadEnded}}
	ofIntegration = &share{overflow{"limit_integration_in_flight", integrationFlightFull}, overflow{"ended_integration_in_flight", uploadEnded}}
	ofClient      = &share{overflow{"limit_client_in_flight", clientFlightFull}, overflow{"ended_client_in_flight", uploadEnded}}
)

// need says what a body found no room in.
type need struct {
	of    *share
	short shortage
	bytes int64 // that the share has for its like
	size  int64 // of the body with what has no room
}

// shortage says whose bytes are too many.
type shortage int

const (
	enough  shortage = iota
	ofBytes          // everyone's
	ofLarge          // those of large bodies
)

// part is how much of a share those who lack bytes may hold.
func (s shortage) part(share int64) int64 {
	if s == ofLarge {
		return share - share/smallShare
	}
	return share
}

// makeRoom ends uploads for n bytes of another one, or lets it wait. It returns
// why the upload itself must end.
//
// Those go first that are most behind their time. To begin fast costs a stranger
// next to nothing, in any number and from anywhere, and earns nothing here; to
// keep up costs what it costs a sender. While all keep up, those go that have
// taken much in a short time, so that a burst finds its room among its own. Before
// that whoever is not tiny waits for a moment, in which those fall behind that
// only began fast.
func (f *Flight) makeRoom(u *upload, l need, n int64, now time.Time) *overflow {
	if max(u.announced, l.size) > l.bytes {
		return &l.of.full // however many others were ended
	}
	tiny := max(u.announced, l.size) <= tinyBody
	patient := !tiny && u.waited < maxWait
	late := lateNow
	if patient {
		late = lateAfter
	}
	worst := f.worst(u, l, tiny, now, late)
	if worst.count == 0 {
		return &l.of.full
	}
	var freed int64
	for i := range worst.count {
		c := &worst.list[i]
		switch {
		case freed >= n, freed > 0 && !c.late:
			return nil
		case !c.late && patient:
			u.wait(now)
			return nil
		case c.upload == u:
			return &l.of.ended
		}
		freed += f.end(c, l.of)
	}
	return nil
}

// wait waits for a moment, in which nobody can hold against the upload that it
// does not go on.
func (u *upload) wait(now time.Time) {
	s := u.flight.integrations.shard(u.identity)
	s.Lock()
	u.mark = now.Add(pause)
	s.Unlock()
	u.waited += pause
	time.Sleep(pause)
}

// longAgo is a deadline that has passed.
var longAgo = time.Unix(1, 0)

// end ends an upload, unless it has got to its end meanwhile, and returns how
// much it held. Its bytes are given back at once; whoever reads it is woken.
func (f *Flight) end(c *candidate, of *share) int64 {
	c.shard.Lock()
	defer c.shard.Unlock()
	u := c.upload
	if u.generation.Load() != c.generation {
		return 0
	}
	c.shard.unfinished.remove(u)
	u.ended = &of.ended
	freed := u.bytes
	u.giveBack(c.shard)
	u.control.SetReadDeadline(longAgo) // where there are none, its next byte ends it
	return freed
}

// candidate is an unfinished upload that may be ended, as it was when it was
// looked at.
type candidate struct {
	upload     *upload
	shard      *shard[storage.Identity]
	generation uint64
	late       bool
	// order is more for those that go first: how far a late one is behind, and
	// how much another one has taken for its age.
	order float64
}

func (c *candidate) before(d *candidate) bool {
	if c.late != d.late {
		return c.late
	}
	return c.order > d.order
}

// candidates are those that go first.
type candidates struct {
	list  [16]candidate
	count int
}

func (all *candidates) add(c candidate) {
	at := all.count
	for at > 0 && c.before(&all.list[at-1]) {
		at--
	}
	if at == len(all.list) {
		return
	}
	all.count = min(all.count+1, len(all.list))
	copy(all.list[at+1:all.count], all.list[at:])
	all.list[at] = c
}

// worst returns the uploads that go first of those whose end makes room for
// the upload.
func (f *Flight) worst(u *upload, l need, tiny bool, now time.Time, late time.Duration) *candidates {
	all := new(candidates)
	if l.of == ofIntegration {
		all.look(f.integrations.shard(u.identity), u, l, tiny, now, late)
		return all
	}
	for i := range f.integrations.shards {
		all.look(&f.integrations.shards[i], u, l, tiny, now, late)
	}
	return all
}

func (all *candidates) look(s *shard[storage.Identity], u *upload, l need, tiny bool, now time.Time, late time.Duration) {
	s.Lock()
	defer s.Unlock()
	for other := s.unfinished.first; other != nil; other = other.next {
		behind := now.Sub(other.mark)
		c := candidate{upload: other, shard: s, generation: other.generation.Load(), late: behind >= late}
		switch {
		case !l.includes(u, other), tiny && !c.late && other == u:
			continue
		case c.late:
			c.order = behind.Seconds()
		default:
			c.order = float64(other.bytes) / (now.Sub(other.start) + patience).Seconds()
		}
		all.add(c)
	}
}

// includes says whether the other upload has of what the upload lacks.
func (l *need) includes(u, other *upload) bool {
	if l.short == ofLarge && other.large == 0 {
		return false
	}
	switch l.of {
	case ofIntegration:
		return other.identity == u.identity
	case ofClient:
		return other.client == u.client
	case ofUnproven:
		return !other.proven
	}
	return true
}
