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

// space watches the free space of the log's disk. Below one floor the index is
// not written, for Badger writes to memory maps, and a full disk under them kills
// the process. Above that is the floor of new events: the log never brings
// itself to where its index could not follow.
type space struct {
	disk    segment.Disk
	dir     string
	minFree int64
	now     func() time.Time
	// indexSize is asked for by the floors; it is nil before there is one.
	indexSize func() int64

	mu      sync.Mutex
	checked time.Time
	isLow   bool
}

// The free space is asked for no more often than this.
const spaceEvery = 100 * time.Millisecond

// Free space in bytes that is needed to open the index, and to close it.
const (
	openFloor  = 12 << 20
	closeFloor = 8 << 20
)

// reserveSize is what a file beside the index holds on to, to be let go when
// the index must be opened or closed on a full disk.
const reserveSize = 32 << 20

func (s *space) ask() (free int64, err error) { return s.disk.Space(s.dir) }

// low says whether there is too little space for new events. A disk that cannot
// be asked is not full: writing to it will tell.
func (s *space) low() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if now.Sub(s.checked).Abs() < spaceEvery {
		return s.isLow
	}
	free, err := s.ask()
	s.checked, s.isLow = now, err == nil && free < max(s.minFree, s.indexFloor()+4<<20)
	return s.isLow
}

// indexFloor is what Badger needs to write a chunk and to compact what is
// there: its memory tables and twice the tree, up to a bound.
func (s *space) indexFloor() int64 { return 16<<20 + min(2*s.indexSize(), 96<<20) }

// need is an error when less than floor bytes are free.
func (s *space) need(floor int64) error {
	free, err := s.ask()
	if err == nil && free < floor {
		err = fmt.Errorf("%w: %d bytes of disk are free and the event index needs %d", storage.ErrUnavailable, free, floor)
	}
	return err
}

// needOrReserve is need, but lets the reserve go before it gives up.
func (s *space) needOrReserve(floor int64) error {
	if s.need(floor) == nil {
		return nil
	}
	// Without a reserve there is nothing to give back.
	_ = os.Remove(s.reservePath())
	return s.need(floor)
}

// keepReserve makes the reserve where there is plenty of space for it.
func (s *space) keepReserve() error {
	free, err := s.ask()
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

func (s *space) reservePath() string { return filepath.Join(s.dir, "reserve") }
