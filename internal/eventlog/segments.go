package eventlog

import (
	"crypto/cipher"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/hookgate/hookgate/internal/eventlog/segment"
	"github.com/hookgate/hookgate/internal/eventlog/state"
	"github.com/hookgate/hookgate/internal/seal"
	"github.com/hookgate/hookgate/module/storage"
)

// maxOpen bounds the segments that are held open for reading.
const maxOpen = 64

// segments reads records by their place, whatever segment they are in.
type segments struct {
	disk segment.Disk
	dir  string
	key  seal.Key
	size atomic.Int64 // of all segments, in bytes

	mu   sync.Mutex
	list []foundSegment // in order
	open map[uint64]*openSegment
	tick uint64
}

type openSegment struct {
	file   segment.File
	header segment.Header
	aead   cipher.AEAD

	users int
	used  uint64 // the tick of its last use

	removed bool // the last user closes it
}

func newSegments(l *Log) *segments {
	return &segments{disk: l.disk, dir: l.segmentDir(), key: l.Key, open: make(map[uint64]*openSegment)}
}

const segmentSuffix = ".segment"

func (s *segments) path(number uint64) string { return filepath.Join(s.dir, segmentName(number)) }

func segmentName(number uint64) string { return fmt.Sprintf("%016x%s", number, segmentSuffix) }

// segmentNumber reads the number in a segment's name.
func segmentNumber(name string) (number uint64, ok bool) {
	digits, _ := strings.CutSuffix(name, segmentSuffix)
	number, err := strconv.ParseUint(digits, 16, 64)
	return number, err == nil && name == segmentName(number)
}

// read returns an event from the record that has it whole. A record that is
// not there as it was written is storage.ErrCorrupt.
func (s *segments) read(e *state.Event) (*storage.Event, error) {
	if e.Damaged {
		return nil, errUnreadable
	}
	opened, err := s.acquire(e.Place.Segment)
	if err != nil {
		return nil, err
	}
	defer s.letGo(opened)
	_, event, err := opened.read(e, make([]byte, e.Place.Length))
	return event, err
}

// read reads an event's record into memory of its size. The body shares it.
func (o *openSegment) read(e *state.Event, raw []byte) (segment.Frame, *storage.Event, error) {
	if _, err := o.file.ReadAt(raw, e.Place.Offset); err != nil {
		if errors.Is(err, io.EOF) {
			err = storage.ErrCorrupt
		}
		return segment.Frame{}, nil, fmt.Errorf("reading an event: %w", err)
	}
	frame, err := segment.Open(o.aead, raw)
	if err != nil {
		return segment.Frame{}, nil, errUnreadable
	}
	frame.Offset = e.Place.Offset
	record, err := state.Decode(frame.Kind, frame.Payload, true)
	whole, ok := record.(state.Whole)
	if err != nil || !ok || whole.Integration() != e.Integration {
		return segment.Frame{}, nil, errUnreadable
	}
	for n := range whole.Count() {
		if whole.ID(n) != e.ID {
			continue
		}
		if event := whole.Event(n); event != nil {
			return frame, event, nil
		}
	}
	return segment.Frame{}, nil, errUnreadable
}

var errUnreadable = fmt.Errorf("reading an event: %w", storage.ErrCorrupt)

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
	file, err := s.disk.Open(s.path(number))
	if errors.Is(err, fs.ErrNotExist) {
		err = errors.Join(storage.ErrCorrupt, err)
	}
	if err != nil {
		return nil, fmt.Errorf("opening a segment: %w", err)
	}
	header, err := readHeader(file, s.key)
	if err != nil {
		return nil, fmt.Errorf("opening a segment: %w", errors.Join(storage.ErrCorrupt, err, file.Close()))
	}
	return &openSegment{file: file, header: header, aead: header.AEAD(s.key)}, nil
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

func readHeader(file io.ReaderAt, key seal.Key) (segment.Header, error) {
	raw := make([]byte, segment.Start)
	n, err := file.ReadAt(raw, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return segment.Header{}, err
	}
	return segment.DecodeHeader(raw[:n], key)
}
