package memory

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/hookgate/hookgate/module/storage"
)

// Claim implements storage.Events.
func (e *Events) Claim(ctx context.Context, identity storage.Identity, id storage.ID) (*storage.Record, error) {
	h := (*Handle)(e)
	if err := h.enter(); err != nil {
		return nil, err
	}
	defer h.leave()
	of := h.place.events[identity][id]
	switch {
	case of == nil:
		return nil, storage.ErrNotFound
	case of.Status != storage.Pending, of.claimed, of.owner != h.session:
		return nil, storage.ErrNotPending
	}
	of.claimed = true
	r := h.place.record(of)
	r.Age = time.Since(of.queued)
	return r, nil
}

// claimed calls change with an event that the handle has claimed.
func (e *Events) claimed(identity storage.Identity, id storage.ID, change func(*event)) error {
	h := (*Handle)(e)
	if err := h.enter(); err != nil {
		return err
	}
	defer h.leave()
	of := h.place.events[identity][id]
	switch {
	case of == nil:
		return storage.ErrNotFound
	case of.Status != storage.Pending, !of.claimed, of.owner != h.session:
		return storage.ErrNotPending
	}
	change(of)
	return nil
}

// Save implements storage.Events.
func (e *Events) Save(_ context.Context, identity storage.Identity, id storage.ID, progress []byte) error {
	return e.claimed(identity, id, func(of *event) { of.Progress = slices.Clone(progress) })
}

// Release implements storage.Events.
func (e *Events) Release(_ context.Context, identity storage.Identity, id storage.ID, due time.Time) error {
	return e.claimed(identity, id, func(of *event) { of.claimed, of.Due = false, moment(due) })
}

// Finish implements storage.Events.
func (e *Events) Finish(_ context.Context, identity storage.Identity, id storage.ID, attempt storage.Attempt, status storage.Status, due time.Time) error {
	switch status {
	case storage.Pending, storage.Delivered, storage.Failed:
	default:
		return fmt.Errorf("an event cannot be %q", status)
	}
	return e.claimed(identity, id, func(of *event) {
		of.claimed, of.Status, of.Due = false, status, moment(due)
		of.Tries, of.Crashes = of.Tries+1, 0
		of.Attempts = append(slices.Clone(of.Attempts), attempt)
		if len(of.Attempts) > storage.MaxAttempts {
			of.Attempts = slices.Delete(of.Attempts, 1, 2)
		}
		if status != storage.Pending {
			of.owner, of.since = nil, time.Now()
			p := e.place
			p.settled = append(p.settled, settlement{of, of.since})
		}
	})
}

// GiveBack implements storage.Events.
func (e *Events) GiveBack(_ context.Context, refs []storage.Ref, _ string) error {
	h := (*Handle)(e)
	if err := h.enter(); err != nil {
		return err
	}
	defer h.leave()
	others := slices.DeleteFunc(slices.Clone(h.place.sessions), func(s *session) bool { return s == h.session })
	switch {
	case h.session.lost:
		return nil // they are others' already
	case len(others) == 0:
		return storage.ErrNoPeer
	}
	for _, ref := range refs {
		if of := h.place.events[ref.Integration][ref.ID]; of != nil && of.Status == storage.Pending && of.owner == h.session && !of.claimed {
			h.place.give(of, others...)
		}
	}
	return nil
}

// Peers implements storage.Events.
func (e *Events) Peers() int {
	h := (*Handle)(e)
	if h.enter() != nil {
		return 0
	}
	defer h.leave()
	return len(h.place.sessions)
}
