package index

import "sync/atomic"

// cache keeps blocks that were searched. Each has one place, and the next one
// there drives it out. Together they have some five megabytes.
type cache [128]atomic.Pointer[block]

// maxCached bounds a block that is kept, in bytes.
const maxCached = 4 * blockSize

func (c *cache) get(r *run, number int) (*block, error) {
	place := &c[(r.number*31+uint64(number))%uint64(len(c))]
	if b := place.Load(); b != nil && b.run == r && b.number == number {
		return b, nil
	}
	b := &block{}
	if err := r.read(b, number); err != nil {
		return nil, err
	}
	if len(b.raw) <= maxCached {
		place.Store(b)
	}
	return b, nil
}
