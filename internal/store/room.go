package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/hookgate/hookgate/internal/fsutil"
	"github.com/hookgate/hookgate/module/storage"
)

// Badger writes to memory maps, and a full disk under them kills the process.
// So every write of ours leaves room for what Badger does behind it.
const (
	// flushRoom is what opening, closing and the memtables take.
	flushRoom = 24 << 20

	// floor is the free space below which nothing is written.
	floor = 2 * flushRoom

	// reserveSize is what a file holds on to while there is plenty, to be let
	// go when the store must be opened or closed on a full disk.
	reserveSize = 32 << 20
)

// roomy returns an error that wraps storage.ErrUnavailable when the disk has
// too little space for a write.
func (s *Store) roomy() error { return s.need(floor) }

func (s *Store) need(room int64) error {
	free, err := s.space(s.dir)
	if err != nil {
		return fmt.Errorf("%w: asking for the free space of the disk: %w", storage.ErrUnavailable, err)
	}
	if free < room {
		return fmt.Errorf("%w: %d bytes of disk are free and %d are needed", storage.ErrUnavailable, free, room)
	}
	return nil
}

// makeRoom prepares for opening the database: with the reserve if need be. On
// a disk that stays cramped the store can be read.
func (s *Store) makeRoom() error {
	if s.roomy() == nil {
		return nil
	}
	return s.useReserve()
}

// roomToClose returns an error when the database cannot be closed: it would
// write its memtable.
func (s *Store) roomToClose() error {
	if s.need(flushRoom) == nil {
		return nil
	}
	return s.useReserve()
}

// useReserve lets the reserve go.
func (s *Store) useReserve() error {
	if err := os.Remove(s.reserve()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return s.need(flushRoom)
}

// keepReserve makes the reserve where there is plenty of space for it.
func (s *Store) keepReserve() error {
	if plenty := s.need(floor+8*reserveSize) == nil; plenty {
		if err := s.makeReserve(); err != nil {
			return fmt.Errorf("reserving disk space: %w", err)
		}
	}
	return nil
}

func (s *Store) makeReserve() error {
	file, err := os.OpenFile(s.reserve(), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(fsutil.Allocate(file, reserveSize), file.Close())
}

func (s *Store) reserve() string { return filepath.Join(s.dir, "reserve") }
