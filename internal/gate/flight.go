package gate

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"sync/atomic"

	"github.com/hookgate/hookgate/module/storage"
)

// DefaultFlight is the default bound of the bytes in flight.
const DefaultFlight = 256 << 20

// The shares of the bound. They are always in force, so that there is room for
// the next request before any has authenticated.
const (
	// holderShare is the part that one integration, or one client, may hold.
	holderShare = 4
	// unprovenShare is the part for all unauthenticated bodies.
	unprovenShare = 2
	// smallShare is the part of each of these, and of the whole, that bodies of
	// more than smallBody bytes leave to the others.
	smallShare = 16
	smallBody  = 1 << 20
)

// Flight bounds the bytes of bodies that the process holds. A body counts with
// what has arrived of it, and an announced length costs nothing, until the body
// has proved to be large: then it takes the room for all of it at once, or
// waits for it. Otherwise many that have begun could keep each other from
// finishing.
//
// If there is no room for a body, the unfinished one that has received least
// for its time gives way.
type Flight struct {
	limit        atomic.Int64
	received     atomic.Int64
	all          total
	unproven     total
	integrations holders[storage.Identity]
	clients      holders[netip.Addr]

	waiting  atomic.Int64 // uploads that wait for the room of a large body
	stallers stallers
}

// NewFlight returns a Flight with a bound in bytes; 0 means DefaultFlight.
func NewFlight(limit int64) *Flight {
	f := new(Flight)
	f.SetLimit(limit)
	f.integrations.init()
	f.clients.init()
	f.stallers.seed = maphash.MakeSeed()
	return f
}

// SetLimit changes the bound, with the same meaning as in NewFlight. Bytes
// already held stay held, and count against the new bound.
func (f *Flight) SetLimit(limit int64) {
	if limit <= 0 {
		limit = DefaultFlight
	}
	f.limit.Store(limit)
}

// Limit returns the bound in bytes.
func (f *Flight) Limit() int64 { return f.limit.Load() }

// Used returns the bytes in flight: those that have been received.
func (f *Flight) Used() int64 { return f.received.Load() }

// LargestBody returns how large a body can be under a bound, in bytes: an
// integration's share without what is reserved for small ones.
func LargestBody(limit int64) int64 {
	share := limit / holderShare
	return max(largePart(share), min(share, smallBody))
}

// holding is what one body holds of a Flight.
type holding struct {
	flight   *Flight
	identity storage.Identity
	client   netip.Addr // invalid if unknown
	proven   bool       // the body is authenticated
	received int64
	held
}

// receive counts n bytes that have arrived of the body, and by, for which it
// needs room, if that fits. The integration's shard is locked.
func (h *holding) receive(s *shard[storage.Identity], n int64, by held) need {
	if by != (held{}) {
		if l := h.add(s, by); l.of != nil {
			return l
		}
	}
	h.flight.received.Add(n)
	h.received += n
	return need{}
}

func (h *holding) add(s *shard[storage.Identity], by held) need {
	f := h.flight
	limit := f.limit.Load()
	integration := s.held[h.identity]
	if short := integration.add(by, limit/holderShare); short != enough {
		return need{of: ofIntegration, short: short, share: limit / holderShare}
	}
	if h.client.IsValid() {
		c := f.clients.shard(h.client)
		c.Lock()
		defer c.Unlock()
		client := c.held[h.client]
		if short := client.add(by, limit/holderShare); short != enough {
			return need{of: ofClient, short: short, share: limit / holderShare}
		}
		if l := h.addToAll(by, limit); l.of != nil {
			return l
		}
		c.held[h.client] = client
	} else if l := h.addToAll(by, limit); l.of != nil {
		return l
	}
	s.held[h.identity] = integration
	h.bytes, h.large = h.bytes+by.bytes, h.large+by.large
	return need{}
}

func (h *holding) addToAll(by held, limit int64) need {
	f := h.flight
	if short := f.all.add(by, limit); short != enough {
		return need{of: ofAll, short: short, share: limit}
	}
	if h.proven {
		return need{}
	}
	if short := f.unproven.add(by, limit/unprovenShare); short != enough {
		f.all.remove(by)
		return need{of: ofUnproven, short: short, share: limit / unprovenShare}
	}
	return need{}
}

// prove removes the body from the share of unauthenticated ones.
func (h *holding) prove() {
	if h.flight != nil && !h.proven {
		h.flight.unproven.remove(h.held)
		h.proven = true
	}
}

// giveBack releases room, and once all of it is released, also the bytes in
// flight. The integration's shard is locked.
func (h *holding) giveBack(s *shard[storage.Identity], room held) {
	if room.bytes == 0 {
		return
	}
	f := h.flight
	s.remove(h.identity, room)
	if h.client.IsValid() {
		c := f.clients.shard(h.client)
		c.Lock()
		c.remove(h.client, room)
		c.Unlock()
	}
	f.all.remove(room)
	if !h.proven {
		f.unproven.remove(room)
	}
	h.held = held{h.bytes - room.bytes, h.large - room.large}
	if h.bytes == 0 {
		f.received.Add(-h.received)
		h.received = 0
	}
}

// release releases what a complete body holds.
func (h *holding) release() {
	if h.bytes == 0 {
		return
	}
	s := h.flight.integrations.shard(h.identity)
	s.Lock()
	defer s.Unlock()
	h.giveBack(s, h.held)
}

// largePart returns the part of a share that large bodies may use.
func largePart(share int64) int64 { return share - share/smallShare }

// held are bytes, and how many of them large bodies have taken.
type held struct{ bytes, large int64 }

// add adds what fits into a share of that many bytes, and reports what does not
// fit.
func (h *held) add(by held, share int64) shortage {
	sum := held{h.bytes + by.bytes, h.large + by.large}
	switch {
	case sum.bytes > share:
		return ofBytes
	case by.large > 0 && sum.large > largePart(share):
		return ofLarge
	}
	*h = sum
	return enough
}

// total is a held for concurrent use.
type total struct{ bytes, large atomic.Int64 }

func (t *total) add(by held, share int64) shortage {
	if !addUpTo(&t.bytes, by.bytes, share) {
		return ofBytes
	}
	if by.large > 0 && !addUpTo(&t.large, by.large, largePart(share)) {
		t.bytes.Add(-by.bytes)
		return ofLarge
	}
	return enough
}

func (t *total) remove(by held) {
	t.bytes.Add(-by.bytes)
	if by.large > 0 {
		t.large.Add(-by.large)
	}
}

func addUpTo(sum *atomic.Int64, n, most int64) bool {
	for {
		before := sum.Load()
		if before+n > most {
			return false
		}
		if sum.CompareAndSwap(before, before+n) {
			return true
		}
	}
}

// holders counts bytes by holder, in shards, so that requests seldom wait for
// each other. A holder of nothing has no entry.
type holders[K comparable] struct {
	seed   maphash.Seed
	shards [shards]shard[K]
}

const shards = 64

type shard[K comparable] struct {
	sync.Mutex
	held map[K]held
	// unfinished are the incomplete uploads of the shard's integrations.
	unfinished list
}

func (h *holders[K]) init() {
	h.seed = maphash.MakeSeed()
	for i := range h.shards {
		h.shards[i].held = make(map[K]held)
		h.shards[i].unfinished.last = uint64(i)
	}
}

func (h *holders[K]) shard(holder K) *shard[K] {
	return &h.shards[maphash.Comparable(h.seed, holder)%shards]
}

func (s *shard[K]) remove(holder K, by held) {
	left := held{s.held[holder].bytes - by.bytes, s.held[holder].large - by.large}
	if left == (held{}) {
		delete(s.held, holder)
	} else {
		s.held[holder] = left
	}
}
