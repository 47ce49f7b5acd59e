package gate

import (
	"hash/maphash"
	"sync"
	"sync/atomic"

	"github.com/hookgate/hookgate/module/storage"
)

// DefaultFlight is the default bound of the bytes in flight.
const DefaultFlight = 256 << 20

// Flight bounds the bytes of bodies that the process holds, by bytes received:
// an announced length costs nothing. While more than half of the bound is
// used, one integration, and one client address, may hold at most a quarter
// of it, so that neither can keep the others out.
type Flight struct {
	limit        int64
	used         atomic.Int64
	integrations holders[storage.Identity]
	clients      holders[string]
}

// NewFlight returns a Flight with a bound in bytes; 0 means DefaultFlight.
func NewFlight(limit int64) *Flight {
	if limit <= 0 {
		limit = DefaultFlight
	}
	f := &Flight{limit: limit}
	f.integrations.init()
	f.clients.init()
	return f
}

// Used returns the bytes in flight.
func (f *Flight) Used() int64 { return f.used.Load() }

// lease is what one request holds of a Flight.
type lease struct {
	flight   *Flight
	identity storage.Identity
	client   string
	bytes    int64
}

// take adds n bytes that were received. When it returns false, they are over
// a bound, and the request must end.
func (l *lease) take(n int64) bool {
	f := l.flight
	l.bytes += n
	used := f.used.Add(n)
	integration := f.integrations.add(l.identity, n)
	var client int64
	if l.client != "" {
		client = f.clients.add(l.client, n)
	}
	return used <= f.limit && (used <= f.limit/2 || max(integration, client) <= f.limit/4)
}

// release gives all of it back.
func (l *lease) release() {
	if l.bytes == 0 {
		return
	}
	l.flight.used.Add(-l.bytes)
	l.flight.integrations.add(l.identity, -l.bytes)
	if l.client != "" {
		l.flight.clients.add(l.client, -l.bytes)
	}
	l.bytes = 0
}

// holders counts bytes by holder, in shards, so that requests seldom wait for
// each other. Who holds nothing has no entry.
type holders[K comparable] struct {
	seed   maphash.Seed
	shards [64]shard[K]
}

type shard[K comparable] struct {
	sync.Mutex
	bytes map[K]int64
}

func (h *holders[K]) init() {
	h.seed = maphash.MakeSeed()
	for i := range h.shards {
		h.shards[i].bytes = make(map[K]int64)
	}
}

func (h *holders[K]) add(holder K, n int64) int64 {
	s := &h.shards[maphash.Comparable(h.seed, holder)%uint64(len(h.shards))]
	s.Lock()
	defer s.Unlock()
	bytes := s.bytes[holder] + n
	if bytes == 0 {
		delete(s.bytes, holder)
	} else {
		s.bytes[holder] = bytes
	}
	return bytes
}
