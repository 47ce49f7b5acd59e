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

// space watches the free space of the log's disk. Below its lower floor the index is
// not written, which leaves the rest to attempts. New events are refused earlier, at a
// higher floor, so that the index can always follow the log.
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

// Free space in bytes that is needed to open the log, and to write to its index:
// one batch is at most 9 MiB.
const (
	openFloor  = 12 << 20
	indexFloor = 16 << 20
)

// reserveSize is what a file beside the index holds on to, to be let go when
// the log must be opened on a full disk: attempts go on in that.
const reserveSize = 32 << 20

func (s *space) ask() (free int64, err error) { return s.disk.Space(s.dir) }

// low reports whether there is too little space for new events. A disk that cannot
// be asked is not full: writing to it will tell.
func (s *space) low() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if now.Sub(s.checked).Abs() < spaceEvery {
		return s.isLow
	}
	free, err := s.ask()
	s.checked, s.isLow = now, err == nil && free < max(s.minFree, indexFloor+s.mergeFloor()+4<<20)
	return s.isLow
}

// mergeFloor is what the index needs to merge its smaller runs: twice its size,
// up to a bound.
func (s *space) mergeFloor() int64 { return min(2*s.indexSize(), 96<<20) }

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
		return fmt.Errorf("reserving disk space: %w", err)
	}
	return file.Close()
}

func (s *space) reservePath() string { return filepath.Join(s.dir, "reserve") }
