package index

import "math/bits"

// filter is a Bloom filter of a run's keys. It takes one in a hundred absent keys for
// present.
type filter []byte

const (
	filterBitsPerKey = 10
	filterProbes     = 7
)

func newFilter(keys int64) filter {
	return make(filter, keys*filterBitsPerKey/8+8)
}

func (f filter) add(hash uint64) {
	for i := range uint64(filterProbes) {
		bit := f.probe(hash, i)
		f[bit/8] |= 1 << (bit % 8)
	}
}

func (f filter) mayHold(hash uint64) bool {
	for i := range uint64(filterProbes) {
		bit := f.probe(hash, i)
		if f[bit/8]&(1<<(bit%8)) == 0 {
			return false
		}
	}
	return true
}

// probe returns the i-th bit that stands for a hash.
func (f filter) probe(hash, i uint64) uint64 {
	high, _ := bits.Mul64(hash+i*(bits.RotateLeft64(hash, 32)|1), uint64(len(f))*8)
	return high
}

// hashOf is FNV-1a with its bits mixed at the end. It can never change, for filters
// are on disk.
func hashOf(key []byte) uint64 {
	hash := uint64(0xcbf29ce484222325)
	for _, c := range key {
		hash = (hash ^ uint64(c)) * 0x100000001b3
	}
	hash = (hash ^ hash>>32) * 0x9e3779b97f4a7c15
	return hash ^ hash>>29
}
