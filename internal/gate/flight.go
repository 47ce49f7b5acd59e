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
	limit        atomic.Int64
	used         atomic.Int64
	integrations holders[storage.Identity]
	clients      holders[string]
}

// NewFlight returns a Flight with a bound in bytes; 0 means DefaultFlight.
func NewFlight(limit int64) *Flight {
	f := new(Flight)
	f.SetLimit(limit)
	f.integrations.init()
	f.clients.init()
	return f
}

// SetLimit changes the bound, as NewFlight takes it. What is held stays held;
// it counts against the new bound.
func (f *Flight) SetLimit(limit int64) {
	if limit <= 0 {
		limit = DefaultFlight
	}
	f.limit.Store(limit)
}

// Limit returns the bound in bytes.
func (f *Flight) Limit() int64 { return f.limit.Load() }

// Used returns the bytes in flight.
func (f *Flight) Used() int64 { return f.used.Load() }

// overflow is a bound that bytes in flight have gone over.
type overflow struct {
	reason string
	answer *answer
}

var (
	overAll         = &overflow{"limit_in_flight", flightFull}
	overIntegration = &overflow{"limit_integration_in_flight", integrationFlightFull}
	overClient      = &overflow{"limit_client_in_flight", clientFlightFull}
)

// lease is what one request holds of a Flight.
type lease struct {
	flight   *Flight
	identity storage.Identity
	client   string
	bytes    int64
}

// take adds n bytes that were received. It returns the bound that they are
// over, if any: then the request must end.
func (l *lease) take(n int64) *overflow {
	f := l.flight
	l.bytes += n
	used, limit := f.used.Add(n), f.limit.Load()
	integration := f.integrations.add(l.identity, n)
	var client int64
	if l.client != "" {
		client = f.clients.add(l.client, n)
	}
	switch {
	case used <= limit/2:
		return nil
	case integration > limit/4:
		return overIntegration
	case client > limit/4:
		return overClient
	case used > limit:
		return overAll
	}
	return nil
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
