package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/hookgate/hookgate/internal/eventlog/segment"
	"github.com/hookgate/hookgate/internal/seal"
)

// Segment is one file of a journal.
type Segment struct {
	Number uint64
	Size   int64
	Header segment.Header
	Err    error // why the header cannot be read
}

// Oldest is the oldest segment of a journal, behind which there is another.
type Oldest struct {
	Segment
	End   int64  // behind its last frame that counts
	Last  uint64 // the sequence number of that
	Ended int64  // when the next one began, by the log's clock
}

// segments is the list of a journal's segments, and those that are open for
// reading.
type segments struct {
	*Options
	size atomic.Int64 // of all segments, in bytes

	mu   sync.Mutex
	list []Segment // in order
	open map[uint64]*openSegment
	tick uint64
}

func newSegments(o *Options) *segments {
	return &segments{Options: o, open: make(map[uint64]*openSegment)}
}

// add adds a segment behind the others.
func (s *segments) add(next Segment) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = append(s.list, next)
	s.size.Add(next.Size)
}

// trimmed notes that a segment has another size now.
func (s *segments) trimmed(number uint64, size int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.list {
		if s.list[i].Number == number {
			s.size.Add(size - s.list[i].Size)
			s.list[i].Size = size
		}
	}
}

// remove removes the oldest segment. Readers of it can go on.
func (s *segments) remove(number uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.list) < 2 || s.list[0].Number != number {
		return fmt.Errorf("removing segment %d: it is not the oldest", number)
	}
	if err := s.Disk.Remove(filepath.Join(s.Dir, segmentName(number))); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing a segment: %w", err)
	}
	s.size.Add(-s.list[0].Size)
	s.list = s.list[1:]
	if opened := s.open[number]; opened != nil {
		delete(s.open, number)
		opened.removed = true
		if opened.users == 0 {
			_ = opened.file.Close() // it was only read
		}
	}
	return nil
}

// Size is how many bytes all segments take.
func (j *Journal) Size() int64 { return j.segments.size.Load() }

// Begun is when the last segment began, by the log's clock.
func (j *Journal) Begun() int64 {
	s := j.segments
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.list[len(s.list)-1].Header.Age
}

// Count counts the segments.
func (j *Journal) Count() int {
	s := j.segments
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.list)
}

// ClosedSize counts the bytes of all segments but the one that is written to.
func (j *Journal) ClosedSize() (size int64) {
	s := j.segments
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.list {
		if i < len(s.list)-1 {
			size += s.list[i].Size
		}
	}
	return size
}

// First returns the oldest segment, if there is another behind it.
func (j *Journal) First() (Oldest, bool) {
	s := j.segments
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.list) < 2 {
		return Oldest{}, false
	}
	first := Oldest{Segment: s.list[0], End: s.list[0].Size}
	if next := s.list[1]; next.Err == nil && next.Number == first.Number+1 {
		first.End, first.Last = min(next.Header.PreviousEnd, first.Size), next.Header.PreviousLast
	}
	for _, later := range s.list[1:] {
		if later.Err == nil {
			first.Ended = later.Header.Age
			break
		}
	}
	return first, true
}

// Remove removes the oldest segment, unless it is pinned. before is called when it
// is not, and stops the removal by an error. Readers of the segment can go on.
func (j *Journal) Remove(number uint64, before func() error) error {
	return j.pins.unlessPinned(number, func() error {
		if err := before(); err != nil {
			return err
		}
		return j.segments.remove(number)
	})
}

// Sealed tells how many bytes of segments each key has sealed.
func (j *Journal) Sealed() map[[seal.KeyIDSize]byte]int64 {
	bytes := make(map[[seal.KeyIDSize]byte]int64)
	s := j.segments
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, one := range s.list {
		if one.Err == nil {
			bytes[one.Header.KeyID] += one.Size
		}
	}
	return bytes
}

// Scan reads a segment's frames. done is called when the scanner is not used any
// more.
func (j *Journal) Scan(s Oldest) (scanner *segment.Scanner, done func(), err error) {
	file, err := j.Disk.Open(j.path(s.Number))
	if err != nil {
		return nil, nil, err
	}
	done = func() { _ = file.Close() } // it is only read
	return segment.Scan(file, s.Header.AEAD(j.Key), segment.Start, s.End), done, nil
}
