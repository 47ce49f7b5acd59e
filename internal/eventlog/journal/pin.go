package journal

import (
	"errors"
	"fmt"
	"sync"

	"github.com/hookgate/hookgate/module/storage"
)

// ErrPinned means that a segment may not be removed now.
var ErrPinned = errors.New("the segments are held for a backup")

// errUnpinned means that a pin was taken away from its holder.
var errUnpinned = fmt.Errorf("%w: the disk space of events that were to be copied was needed for new ones", storage.ErrUnavailable)

// pins keep segments where they are, while they are copied.
type pins struct {
	mu  sync.Mutex // also held while a segment is removed
	all map[*Pin]struct{}
}

// Pin keeps all segments from a number on.
type Pin struct {
	in   *pins
	from uint64
}

func newPins() *pins { return &pins{all: make(map[*Pin]struct{})} }

// Pin pins all segments.
func (j *Journal) Pin() *Pin {
	j.pins.mu.Lock()
	defer j.pins.mu.Unlock()
	p := &Pin{in: j.pins}
	j.pins.all[p] = struct{}{}
	return p
}

// Pinned reports whether a segment must stay.
func (j *Journal) Pinned(number uint64) bool {
	return j.pins.unlessPinned(number, func() error { return nil }) != nil
}

// Unpin takes all pins away from their holders, whose copies end with an error.
func (j *Journal) Unpin() {
	j.pins.mu.Lock()
	defer j.pins.mu.Unlock()
	clear(j.pins.all)
}

// advance lets go of the segments before the given one, for they were copied.
func (p *Pin) advance(number uint64) error {
	p.in.mu.Lock()
	defer p.in.mu.Unlock()
	if _, ok := p.in.all[p]; !ok {
		return errUnpinned
	}
	p.from = number
	return nil
}

// Release lets go of all segments.
func (p *Pin) Release() {
	p.in.mu.Lock()
	defer p.in.mu.Unlock()
	delete(p.in.all, p)
}

// unlessPinned has a segment removed, unless it must stay.
func (p *pins) unlessPinned(number uint64, remove func() error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for pin := range p.all {
		if number >= pin.from {
			return ErrPinned
		}
	}
	return remove()
}
