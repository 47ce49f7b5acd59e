package store

import (
	"encoding/binary"
	"errors"

	"github.com/dgraph-io/badger/v4"

	"github.com/hookgate/hookgate/internal/seal"
	"github.com/hookgate/hookgate/module/storage"
)

// Beside is what the store knows of the events that are kept beside it. Its methods
// return quickly, and may be called by any goroutine.
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
	// Segment is the one that is written to, and Salt its own.
	Segment uint64
	Salt    [seal.SaltSize]byte
	// Record is the number of the last durable one.
	Record uint64
}

// placeSize is that of an encoded place.
const placeSize = 8 + seal.SaltSize + 8

func (p Place) encode() []byte {
	raw := binary.BigEndian.AppendUint64(nil, p.Segment)
	raw = append(raw, p.Salt[:]...)
	return binary.BigEndian.AppendUint64(raw, p.Record)
}

func decodePlace(raw []byte) (Place, error) {
	if len(raw) != placeSize {
		return Place{}, storage.ErrCorrupt
	}
	return Place{
		Segment: binary.BigEndian.Uint64(raw),
		Salt:    [seal.SaltSize]byte(raw[8:]),
		Record:  binary.BigEndian.Uint64(raw[8+seal.SaltSize:]),
	}, nil
}

// NoteEvents notes how far the events are, as each write does.
func (s *Store) NoteEvents() error { return s.submit(nil, &write{kind: noteEvents}) }

// setPlace notes how far the events are.
func (s *Store) setPlace(txn *badger.Txn) error {
	if s.beside == nil {
		return nil
	}
	place := s.beside.Place()
	if place == (Place{}) {
		return nil
	}
	return txn.Set(placeKey, s.key.Seal(purpose, placeKey, place.encode()))
}

// Place returns how far the events were when that was last noted.
func (s *Store) Place() (place Place, err error) {
	err = s.view(func(txn *badger.Txn) error {
		raw, err := s.unseal(txn, placeKey)
		if errors.Is(err, storage.ErrNotFound) {
			return nil
		}
		if err == nil {
			place, err = decodePlace(raw)
		}
		return err
	})
	return place, err
}
