package gate

import (
	"hash/maphash"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/hookgate/hookgate/module/storage"
)

const (
	// lateAfter is how far an upload may be behind its time before one that can
	// wait may take its room, and lateNow before one that cannot.
	lateAfter = time.Second
	lateNow   = 250 * time.Millisecond
	// An upload waits for room in pauses, for up to maxWait until uploads that
	// only began fast fall behind, and for up to mostWait for a large body's room.
	pause    = 20 * time.Millisecond
	maxWait  = 1500 * time.Millisecond
	mostWait = 30 * time.Second
	// seatTime is in what time a large body should arrive: meanwhile its room
	// belongs to no one else.
	seatTime = 32 * time.Second
)

// overflow is the answer and reason for a request that found no room, or lost
// it.
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

// need is what a body found no room in.
type need struct {
	of     *share
	short  shortage
	share  int64 // its bytes
	by     held  // what had no room
	behind bool  // others wait for it longer
}

// shortage is whose bytes exceed a share.
type shortage int

const (
	enough  shortage = iota
	ofBytes          // everyone's
	ofLarge          // those of large bodies
)

// makeRoom ends uploads for another one, or lets it wait. It returns why the
// upload itself must end.
//
// Those furthest behind their time go first. Beginning fast costs a stranger
// next to nothing, in any number and from anywhere, and earns nothing here;
// keeping up costs as much as it costs a sender. Any upload that is not tiny
// waits for a moment, in which uploads that only began fast fall behind. If all
// keep up, a large body takes its room from one that has had it for longer than
// it deserves; and a small one from those that have taken much in a short time,
// so that a burst finds its room among its own.
func (f *Flight) makeRoom(u *upload, l need, now time.Time) *overflow {
	large := l.by.large > 0
	if !l.behind && (u.come > l.share || large && u.claim > largePart(l.share)) {
		return &l.of.full // however many others were ended
	}
	tiny := max(u.announced, u.come) <= tinyBody
	hurried := tiny || u.waited >= maxWait
	if !l.behind {
		worst := f.worst(u, l, now, hurried, tiny)
		var freed int64
		for i := range worst.count {
			c := &worst.list[i]
			if freed >= l.by.bytes || !c.late && (freed > 0 || !hurried) {
				break
			}
			if c.upload == u {
				return &l.of.ended
			}
			freed += f.end(c, l.of, now)
		}
		if freed > 0 || worst.count > 0 && hurried && !large {
			return nil
		}
	}
	switch {
	case tiny, !large && u.waited >= maxWait, u.waited >= mostWait:
		return &l.of.full
	}
	u.pause(l.of, large, now)
	return nil
}

// pause waits for a moment, in which it does not count against the upload that
// it makes no progress.
func (u *upload) pause(of *share, large bool, now time.Time) {
	s := u.flight.integrations.shard(u.identity)
	s.Lock()
	u.mark = now.Add(pause)
	if large {
		u.wait(of)
	}
	s.Unlock()
	u.waited += pause
	time.Sleep(pause)
}

// longAgo is a deadline that has passed.
var longAgo = time.Unix(1, 0)

// end ends an upload, unless it has become complete meanwhile, and returns how
// much room it had. That is released at once, and its reader is woken.
func (f *Flight) end(c *candidate, of *share, now time.Time) int64 {
	c.shard.Lock()
	defer c.shard.Unlock()
	u := c.upload
	if u.generation.Load() != c.generation {
		return 0
	}
	c.shard.unfinished.remove(u)
	u.wait(nil)
	u.ended = &of.ended
	freed := u.bytes
	u.giveBack(c.shard, u.held)
	if c.late {
		f.stallers.note(u.client, now)
	}
	u.control.SetReadDeadline(longAgo) // if deadlines are not supported, its next byte ends it
	return freed
}

// candidate is an unfinished upload that may be ended, as it was when it was
// examined.
type candidate struct {
	upload     *upload
	shard      *shard[storage.Identity]
	generation uint64
	late       bool
	// order is higher for those that go first: how far one is behind, or how much
	// it has taken for its age.
	order float64
}

func (c *candidate) before(d *candidate) bool {
	if c.late != d.late {
		return c.late
	}
	return c.order > d.order
}

// candidates are the uploads that go first.
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

// worst returns the uploads that go first among those whose end makes room for
// the upload.
func (f *Flight) worst(u *upload, l need, now time.Time, hurried, tiny bool) *candidates {
	all := new(candidates)
	if l.of == ofIntegration {
		all.look(f.integrations.shard(u.identity), u, l, now, hurried, tiny)
		return all
	}
	for i := range f.integrations.shards {
		all.look(&f.integrations.shards[i], u, l, now, hurried, tiny)
	}
	return all
}

func (all *candidates) look(s *shard[storage.Identity], u *upload, l need, now time.Time, hurried, tiny bool) {
	large := l.by.large > 0
	late := lateAfter
	if hurried && !large {
		late = lateNow
	}
	s.Lock()
	defer s.Unlock()
	for other := s.unfinished.first; other != nil; other = other.next {
		behind := now.Sub(other.mark)
		c := candidate{upload: other, shard: s, generation: other.generation.Load(), late: behind >= late}
		switch {
		case !l.includes(u, other), !c.late && other == u && (tiny || large), !c.late && large != (other.large > 0):
			continue
		case c.late:
			c.order = behind.Seconds()
		case large:
			if c.order = other.overdue(now); c.order < lateAfter.Seconds() {
				continue
			}
		default:
			c.order = float64(other.bytes) / (now.Sub(other.start) + patience).Seconds()
		}
		all.add(c)
	}
}

// overdue is by how many seconds a large body has had its room for longer than
// what has arrived of it deserves.
func (u *upload) overdue(now time.Time) float64 {
	return now.Sub(u.seated).Seconds() - seatTime.Seconds()*float64(u.received)/float64(u.large)
}

// includes reports whether the other upload holds what the upload lacks.
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

// ahead returns the share in which another upload waits for the room of a large
// body and takes precedence, if there is one. Uploads whose network has not
// held up others before take precedence, and then older ones.
func (f *Flight) ahead(u *upload) *share {
	if f.waiting.Load() == 0 {
		return nil
	}
	for i := range f.integrations.shards {
		if of := f.integrations.shards[i].ahead(u); of != nil {
			return of
		}
	}
	return nil
}

func (s *shard[K]) ahead(u *upload) *share {
	s.Lock()
	defer s.Unlock()
	for other := s.unfinished.first; other != nil; other = other.next {
		if other == u || other.waitsFor == nil || other.stalls && !u.stalls || other.stalls == u.stalls && !other.start.Before(u.start) {
			continue
		}
		if l := (&need{of: other.waitsFor}); l.includes(other, u) {
			return other.waitsFor
		}
	}
	return nil
}

// stallers remember, for a while, the networks whose uploads were ended because
// they had stalled. Strangers that return from there wait behind new ones. It
// may report too many if many are known, and then makes no distinction.
type stallers struct {
	seed  maphash.Seed
	until [4096]atomic.Int64 // Unix times
}

const stallTime = time.Minute

func (s *stallers) at(client netip.Addr) *atomic.Int64 {
	bits := 24
	if client.Is6() {
		bits = 48
	}
	prefix, err := client.Prefix(bits)
	if err != nil {
		return nil // it is not known who that is
	}
	return &s.until[maphash.Comparable(s.seed, prefix)%uint64(len(s.until))]
}

func (s *stallers) note(client netip.Addr, now time.Time) {
	if at := s.at(client); at != nil {
		at.Store(now.Add(stallTime).Unix())
	}
}

func (s *stallers) know(client netip.Addr, now time.Time) bool {
	at := s.at(client)
	return at != nil && now.Unix() < at.Load()
}
