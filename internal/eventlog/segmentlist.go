package eventlog

import (
	"errors"
	"fmt"
	"io/fs"
)

// oldSegment is the oldest segment of the log, behind which there is another.
type oldSegment struct {
	foundSegment
	end   int64  // behind its last frame that counts
	last  uint64 // the sequence number of that
	ended int64  // when the next one began, by the log's clock
}

// add adds a segment behind the others.
func (s *segments) add(next foundSegment) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = append(s.list, next)
	s.size.Add(next.size)
}

// trimmed notes that a segment has another size now.
func (s *segments) trimmed(number uint64, size int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.list {
		if s.list[i].number == number {
			s.size.Add(size - s.list[i].size)
			s.list[i].size = size
		}
	}
}

// begun is when the last segment began, by the log's clock.
func (s *segments) begun() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.list[len(s.list)-1].header.Age
}

func (s *segments) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.list)
}

// closed counts the bytes of all segments but the one that is written to.
func (s *segments) closed() (size int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.list {
		if i < len(s.list)-1 {
			size += s.list[i].size
		}
	}
	return size
}

// first returns the oldest segment, if there is another behind it.
func (s *segments) first() (oldSegment, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.list) < 2 {
		return oldSegment{}, false
	}
	first := oldSegment{foundSegment: s.list[0], end: s.list[0].size}
	if next := s.list[1]; next.err == nil && next.number == first.number+1 {
		first.end, first.last = min(next.header.PreviousEnd, first.size), next.header.PreviousLast
	}
	for _, later := range s.list[1:] {
		if later.err == nil {
			first.ended = later.header.Age
			break
		}
	}
	return first, true
}

// remove removes the oldest segment. Who reads in it now can go on.
func (s *segments) remove(number uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.list) < 2 || s.list[0].number != number {
		return fmt.Errorf("removing segment %d: it is not the oldest", number)
	}
	if err := s.disk.Remove(s.path(number)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing a segment: %w", err)
	}
	s.size.Add(-s.list[0].size)
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
