package eventlog

import (
	"errors"
	"fmt"
	"sync"

	"github.com/hookgate/hookgate/module/storage"
)

// errHeld means that no segment may be removed now.
var errHeld = errors.New("the segments are held for a backup")

// ignoreHeld takes that for no error: the next turn tries again.
func ignoreHeld(err error) error {
	if errors.Is(err, errHeld) {
		return nil
	}
	return err
}

// errGivenUp means that a hold was taken from who had it.
var errGivenUp = fmt.Errorf("%w: the disk space of events that were to be copied was needed for new ones", storage.ErrUnavailable)

// holds keep segments where they are, while somebody copies them.
type holds struct {
	mu  sync.Mutex
	all map[*hold]struct{}
}

// hold keeps all segments from a number on.
type hold struct {
	in   *holds
	from uint64
}

func newHolds() *holds { return &holds{all: make(map[*hold]struct{})} }

// take holds all segments.
func (h *holds) take() *hold {
	h.mu.Lock()
	defer h.mu.Unlock()
	held := &hold{in: h}
	h.all[held] = struct{}{}
	return held
}

// advance lets go of the segments before the given one, for they were copied.
func (o *hold) advance(number uint64) error {
	o.in.mu.Lock()
	defer o.in.mu.Unlock()
	if _, ok := o.in.all[o]; !ok {
		return errGivenUp
	}
	o.from = number
	return nil
}

func (o *hold) release() {
	o.in.mu.Lock()
	defer o.in.mu.Unlock()
	delete(o.in.all, o)
}

// keep says whether a segment must stay.
func (h *holds) keep(number uint64) bool {
	return errors.Is(h.unlessKept(number, func() error { return nil }), errHeld)
}

// unlessKept has a segment removed, unless it must stay.
func (h *holds) unlessKept(number uint64, remove func() error) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	for held := range h.all {
		if number >= held.from {
			return errHeld
		}
	}
	return remove()
}

// giveUp takes all holds from who has them.
func (h *holds) giveUp() {
	h.mu.Lock()
	defer h.mu.Unlock()
	clear(h.all)
}
