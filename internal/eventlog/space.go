package eventlog

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/hookgate/hookgate/internal/eventlog/segment"
	"github.com/hookgate/hookgate/module/storage"
)

// space watches the free space of the log's disk. Below one floor no new event
// is taken; the index has a floor of its own, for Badger writes to memory maps
// and a full disk under them kills the process.
type space struct {
	disk    segment.Disk
	dir     string
	minFree int64 // 0: a default by the size of the disk
	now     func() time.Time

	mu      sync.Mutex
	checked time.Time
	isLow   bool
}

// The free space is asked for no more often than this.
const spaceEvery = 100 * time.Millisecond

// reserveSize is what a file beside the index holds on to, to be let go when
// the index must be opened or closed on a full disk.
const reserveSize = 32 << 20

func (s *space) ask() (free, total int64, err error) { return s.disk.Space(s.dir) }

// low says whether there is too little space for new events. A disk that cannot
// be asked is not full: writing to it will tell.
func (s *space) low() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if now.Sub(s.checked).Abs() < spaceEvery {
		return s.isLow
	}
	free, total, err := s.ask()
	floor := s.minFree
	if floor == 0 {
		floor = min(64<<20, total/8)
	}
	s.checked, s.isLow = now, err == nil && free < floor
	return s.isLow
}

// forIndex is an error when less than floor bytes are free.
func (s *space) forIndex(floor int64) error {
	free, _, err := s.ask()
	if err == nil && free < floor {
		err = fmt.Errorf("%w: %d bytes of disk are free and the event index needs %d", storage.ErrUnavailable, free, floor)
	}
	return err
}

// keepReserve makes the reserve where there is plenty of space for it.
func (s *space) keepReserve() error {
	free, _, err := s.ask()
	if err != nil || free < 8*reserveSize {
		return err
	}
	if _, err := os.Stat(s.reservePath()); err == nil {
		return nil
	}
	file, err := s.disk.Create(s.reservePath(), reserveSize)
	if err != nil {
		return fmt.Errorf("making the reserve of disk space: %w", err)
	}
	return file.Close()
}

// dropReserve gives the space of the reserve back to the disk.
func (s *space) dropReserve() { _ = os.Remove(s.reservePath()) } // without it there is none

func (s *space) reservePath() string { return filepath.Join(s.dir, "reserve") }
