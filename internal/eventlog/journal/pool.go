package journal

import (
	"crypto/cipher"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"

	"github.com/hookgate/hookgate/internal/eventlog/segment"
	"github.com/hookgate/hookgate/module/storage"
)

// maxOpen bounds the segments that are held open for reading.
const maxOpen = 64

type openSegment struct {
	file   segment.File
	header segment.Header
	aead   cipher.AEAD

	users int
	used  uint64 // the tick of its last use

	removed bool // the last user closes it
}

// Read reads the record at a place into memory of its size, which the payload
// shares. One that is not there as it was written is storage.ErrCorrupt.
func (j *Journal) Read(at Position, raw []byte) (segment.Frame, error) {
	opened, err := j.segments.acquire(at.Segment)
	if err != nil {
		return segment.Frame{}, err
	}
	defer j.segments.letGo(opened)
	if _, err := opened.file.ReadAt(raw, at.Offset); err != nil {
		if errors.Is(err, io.EOF) {
			err = storage.ErrCorrupt
		}
		return segment.Frame{}, fmt.Errorf("reading an event: %w", err)
	}
	frame, err := segment.Open(opened.aead, raw)
	if err != nil {
		return segment.Frame{}, ErrUnreadable
	}
	frame.Offset = at.Offset
	return frame, nil
}

// ReadText reads a part of the payload of a record again that Read has returned,
// from an offset on. It authenticates nothing.
func (j *Journal) ReadText(number uint64, frame segment.Frame, offset int64, text []byte) error {
	opened, err := j.segments.acquire(number)
	if err != nil {
		return err
	}
	defer j.segments.letGo(opened)
	at, stream := opened.header.Text(j.Key, frame, offset)
	if _, err := opened.file.ReadAt(text, at); err != nil {
		return errors.Join(storage.ErrCorrupt, err)
	}
	stream.XORKeyStream(text, text)
	return nil
}

func (s *segments) acquire(number uint64) (*openSegment, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	opened := s.open[number]
	if opened == nil {
		var err error
		if opened, err = s.openNow(number); err != nil {
			return nil, err
		}
		s.evict()
		s.open[number] = opened
	}
	s.tick++
	opened.used = s.tick
	opened.users++
	return opened, nil
}

func (s *segments) openNow(number uint64) (*openSegment, error) {
	file, err := s.Disk.Open(filepath.Join(s.Dir, segmentName(number)))
	if errors.Is(err, fs.ErrNotExist) {
		err = errors.Join(storage.ErrCorrupt, err)
	}
	if err != nil {
		return nil, fmt.Errorf("opening a segment: %w", err)
	}
	header, err := segment.ReadHeader(file, s.Key)
	if err != nil {
		return nil, fmt.Errorf("opening a segment: %w", errors.Join(storage.ErrCorrupt, err, file.Close()))
	}
	return &openSegment{file: file, header: header, aead: header.AEAD(s.Key)}, nil
}

func (s *segments) letGo(opened *openSegment) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if opened.users--; opened.users == 0 && opened.removed {
		_ = opened.file.Close() // it was only read
	}
}

// evict closes the segment that was not used for longest, once there are too
// many.
func (s *segments) evict() {
	if len(s.open) < maxOpen {
		return
	}
	var oldest uint64
	var found *openSegment
	for number, opened := range s.open {
		if opened.users == 0 && (found == nil || opened.used < found.used) {
			oldest, found = number, opened
		}
	}
	if found != nil {
		_ = found.file.Close() // it was only read
		delete(s.open, oldest)
	}
}

func (s *segments) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for number, opened := range s.open {
		errs = append(errs, opened.file.Close())
		delete(s.open, number)
	}
	return errors.Join(errs...)
}
