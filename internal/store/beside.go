package store

import (
	"context"
	"encoding/binary"
	"errors"

	"github.com/dgraph-io/badger/v4"

	"github.com/hookgate/hookgate/module/storage"
)

// Beside is what the store knows of the events that are kept beside it. Its methods
// return quickly.
type Beside interface {
	// Age is the clock by which events grow old, in milliseconds; 0 as long as it
	// is not known.
	Age() int64
	// Place is how far the events are, durably; the zero Place as long as that is
	// not known.
	Place() Place
	// Noted is called with each revision once it is durable, before it is answered.
	Noted(revision uint64)
}

// Place is how far events are.
type Place struct {
	// Segment grows with each start, and Record with each thing that happens.
	Segment, Record uint64
}

// NoteEvents notes how far the events are, as each write does.
func (s *Store) NoteEvents(ctx context.Context) error {
	return s.submit(ctx, &write{kind: noteEvents})
}

// setPlace notes how far the events are.
func (s *Store) setPlace(txn *badger.Txn) error {
	if s.beside == nil {
		return nil
	}
	place := s.beside.Place()
	if place == (Place{}) {
		return nil
	}
	raw := binary.BigEndian.AppendUint64(nil, place.Segment)
	raw = binary.BigEndian.AppendUint64(raw, place.Record)
	return txn.Set(placeKey, s.key.Seal(purpose, placeKey, raw))
}

// Place returns how far the events were when that was last noted.
func (s *Store) Place() (place Place, err error) {
	err = s.view(func(txn *badger.Txn) error {
		raw, err := s.unseal(txn, placeKey)
		if errors.Is(err, storage.ErrNotFound) {
			return nil
		}
		if err == nil && len(raw) != 16 {
			err = storage.ErrCorrupt
		}
		if err != nil {
			return err
		}
		place = Place{binary.BigEndian.Uint64(raw), binary.BigEndian.Uint64(raw[8:])}
		return nil
	})
	return place, err
}
