package eventlog

import (
	"errors"
	"fmt"
	"sync"

	"github.com/hookgate/hookgate/module/storage"
)

// errPinned means that no segment may be removed now.
var errPinned = errors.New("the segments are held for a backup")

// ignorePinned takes that for no error: the next turn tries again.
func ignorePinned(err error) error {
	if errors.Is(err, errPinned) {
		return nil
	}
	return err
}

// errGivenUp means that a pin was taken from who had it.
var errUnpinned = fmt.Errorf("%w: the disk space of events that were to be copied was needed for new ones", storage.ErrUnavailable)

// pins keep segments where they are, while somebody copies them.
type pins struct {
	mu  sync.Mutex
	all map[*pin]struct{}
}

// pin keeps all segments from a number on.
type pin struct {
	in   *pins
	from uint64
}

func newPins() *pins { return &pins{all: make(map[*pin]struct{})} }

// take pins all segments.
func (h *pins) take() *pin {
	h.mu.Lock()
	defer h.mu.Unlock()
	held := &pin{in: h}
	h.all[held] = struct{}{}
	return held
}

// advance lets go of the segments before the given one, for they were copied.
func (o *pin) advance(number uint64) error {
	o.in.mu.Lock()
	defer o.in.mu.Unlock()
	if _, ok := o.in.all[o]; !ok {
		return errUnpinned
	}
	o.from = number
	return nil
}

func (o *pin) release() {
	o.in.mu.Lock()
	defer o.in.mu.Unlock()
	delete(o.in.all, o)
}

// keep says whether a segment must stay.
func (h *pins) keep(number uint64) bool {
	return errors.Is(h.unlessPinned(number, func() error { return nil }), errPinned)
}

// unlessPinned has a segment removed, unless it must stay.
func (h *pins) unlessPinned(number uint64, remove func() error) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	for held := range h.all {
		if number >= held.from {
			return errPinned
		}
	}
	return remove()
}

// giveUp takes all pins from who has them.
func (h *pins) unpinAll() {
	h.mu.Lock()
	defer h.mu.Unlock()
	clear(h.all)
}
