package store

import (
	"encoding/binary"
	"errors"

	"github.com/dgraph-io/badger/v4"

	"github.com/hookgate/hookgate/internal/seal"
	"github.com/hookgate/hookgate/module/storage"
)

// Beside is what the store knows about the events stored beside it. Its methods
// return quickly and are safe for concurrent use.
type Beside interface {
	// Age is the clock that determines the age of events, in milliseconds; 0 as
	// long as it is unknown.
	Age() int64
	// Place is the durable position of the events; the zero Place as long as it is
	// unknown.
	Place() Place
	// Noted is called with each revision once it is durable, before it is answered.
	Noted(revision uint64)
}

// Place is a position in the events.
type Place struct {
	// Segment is the one being written to, and Salt is its salt.
	Segment uint64
	Salt    [seal.SaltSize]byte
	// Record is the number of the last durable record.
	Record uint64
}

// placeSize is the size of an encoded place.
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

// NoteEvents notes the position of the events, as each write does.
func (s *Store) NoteEvents() error { return s.submit(nil, &write{kind: noteEvents}) }

// setPlace notes the position of the events.
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

// Place returns the last noted position of the events.
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
