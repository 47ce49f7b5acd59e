package state

import (
	"errors"

	"github.com/hookgate/hookgate/module/storage"
)

// Ends returns the first and the newest event of a chain. Where one was lost, the
// one that led to it takes its place.
func Ends(of Change, find func(storage.ID) (Change, error)) (first, newest Change, err error) {
	if first, err = linked(of, of.Now.Chain.First, find); err != nil {
		return first, newest, err
	}
	newest, err = linked(first, first.Now.Chain.Newest, find)
	return first, newest, err
}

// linked returns the event of the ID, if there is one.
func linked(from Change, id storage.ID, find func(storage.ID) (Change, error)) (Change, error) {
	if id.IsZero() {
		return from, nil
	}
	found, err := find(id)
	if errors.Is(err, storage.ErrNotFound) {
		return from, nil
	}
	return found, err
}
