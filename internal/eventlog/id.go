package eventlog

import (
	"crypto/rand"
	"encoding/binary"
	"time"

	"github.com/hookgate/hookgate/internal/eventlog/state"
	"github.com/hookgate/hookgate/module/storage"
)

// ids makes event IDs: 48 bits of milliseconds, then 80 random ones. Within one
// millisecond, and while the clock is behind the last ID, it counts up from the
// last by a random step, so that IDs never go backwards and tell no rate.
type ids struct {
	last storage.ID
}

func (g *ids) next(now time.Time) storage.ID {
	var id storage.ID
	ms := max(now.UnixMilli(), 0)
	if ms > state.IDMillis(g.last) {
		rand.Read(id[6:])
		id[6] &= 0x7f // leaves room to count up
		putMillis(&id, ms)
	} else {
		var step [4]byte
		rand.Read(step[:])
		id = state.Forward(g.last, uint64(binary.BigEndian.Uint32(step[:]))+1)
	}
	g.last = id
	return id
}

// saw makes later IDs greater.
func (g *ids) saw(id storage.ID) {
	if string(id[:]) > string(g.last[:]) {
		g.last = id
	}
}

func putMillis(id *storage.ID, ms int64) {
	var high [8]byte
	binary.BigEndian.PutUint64(high[:], uint64(ms)<<16)
	copy(id[:6], high[:6])
}
