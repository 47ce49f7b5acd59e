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
// So every write of ours leaves room for what Badger does in the background.
const (
	// flushRoom is what opening, closing and the memtables need.
	flushRoom = 24 << 20

	// floor is the free space below which nothing is written.
	floor = 2 * flushRoom

	// reserveSize is what a file reserves while there is plenty of space, to be
	// released when the store must be opened or closed on a full disk.
	reserveSize = 32 << 20
)

// roomy returns an error that wraps storage.ErrUnavailable if the disk has too
// little space for a write.
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

// makeRoom prepares for opening the database, using the reserve if necessary.
// On a disk that stays full the store can be read.
func (s *Store) makeRoom() error {
	if s.roomy() == nil {
		return nil
	}
	return s.useReserve()
}

// roomToClose returns an error if the database cannot be closed, because it
// would write its memtable.
func (s *Store) roomToClose() error {
	if s.need(flushRoom) == nil {
		return nil
	}
	return s.useReserve()
}

// useReserve releases the reserve.
func (s *Store) useReserve() error {
	if err := os.Remove(s.reserve()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return s.need(flushRoom)
}

// keepReserve creates the reserve if there is plenty of space for it.
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
