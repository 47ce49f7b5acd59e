package eventlog

import (
	"hash/maphash"
	"sync/atomic"

	"go.uber.org/zap"

	"github.com/hookgate/hookgate/internal/eventlog/state"
)

// dedupeFilter is a Bloom filter of the dedupe keys in the index. Nearly every
// new event has a key that is not there, and this says so without a search of
// the index. At a million keys a few in ten thousand are looked up needlessly,
// at ten million one in four. What is deleted from the index stays in the
// filter until the next start.
type dedupeFilter struct {
	seed  maphash.Seed
	words []atomic.Uint64
	// complete says that all keys are in; until then any key may be there.
	complete atomic.Bool
}

const (
	filterBits   = 1 << 25 // 4 MiB
	filterProbes = 4
)

func newDedupeFilter() *dedupeFilter {
	return &dedupeFilter{seed: maphash.MakeSeed(), words: make([]atomic.Uint64, filterBits/64)}
}

// add is called before the key can be found in the index.
func (f *dedupeFilter) add(name state.DedupeKey) {
	hash := maphash.Comparable(f.seed, name)
	for i := range uint32(filterProbes) {
		bit := probe(hash, i)
		f.words[bit/64].Or(1 << (bit % 64))
	}
}

// mayHold is false only for a key that is not in the index.
func (f *dedupeFilter) mayHold(name state.DedupeKey) bool {
	if !f.complete.Load() {
		return true
	}
	hash := maphash.Comparable(f.seed, name)
	for i := range uint32(filterProbes) {
		bit := probe(hash, i)
		if f.words[bit/64].Load()&(1<<(bit%64)) == 0 {
			return false
		}
	}
	return true
}

// probe is the i-th bit of a hash.
func probe(hash uint64, i uint32) uint32 {
	return (uint32(hash) + i*(uint32(hash>>32)|1)) % filterBits
}

// fillFilter adds the keys that the index had at the start. It runs beside
// the service.
func (l *Log) fillFilter() {
	view := l.index.View()
	defer view.Close()
	stopped := false
	err := view.Keys([]byte{entryKey}, func(key []byte) (bool, error) {
		select {
		case <-l.flusher.quit:
			stopped = true
			return false, nil
		default:
		}
		name, err := parseDedupeKey(key)
		if err == nil {
			l.dedupe.add(name)
		}
		return true, err
	})
	switch {
	case err != nil:
		l.Logger.Error("dedupe keys cannot be listed; each is looked up", zap.Error(l.indexFault(err)))
	case !stopped:
		l.dedupe.complete.Store(true)
	}
}
