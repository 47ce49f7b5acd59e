package eventlog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/hookgate/hookgate/internal/eventlog/segment"
)

// Names in a log's directory.
const (
	segmentsDir = "segments"
	indexDir    = "index"
)

// Segments passes each segment of the log to write, the oldest first: its name,
// its size, and its bytes as they are, sealed. Together they are the log as a
// crash would have left it at a moment after the call: everything that was
// acknowledged before is there. The log is used meanwhile, and grows by what it
// could remove of segments that are still to be copied; once that is in the way of
// new events, the copy ends with an error.
//
// The index is no part of it: it is made anew when a log is opened without one.
func (l *Log) Segments(ctx context.Context, write func(name string, size int64, content io.Reader) error) error {
	if err := l.enter(); err != nil {
		return err
	}
	held := l.pins.take()
	l.leave() // a slow copy must not be in the way of Close
	defer held.release()

	numbers, err := l.segmentNumbers()
	if err != nil {
		return err
	}
	for i, number := range numbers {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := held.advance(number); err != nil {
			return fmt.Errorf("copying the event log: %w", err)
		}
		if err := l.copySegment(number, i == len(numbers)-1, write); err != nil {
			return fmt.Errorf("copying segment %d of the event log: %w", number, err)
		}
	}
	return nil
}

func (l *Log) segmentNumbers() ([]uint64, error) {
	entries, err := os.ReadDir(l.segmentDir())
	if err != nil {
		return nil, fmt.Errorf("listing the segments: %w", err)
	}
	var numbers []uint64
	for _, entry := range entries {
		if number, ok := segmentNumber(entry.Name()); ok {
			numbers = append(numbers, number)
		}
	}
	slices.Sort(numbers)
	return numbers, nil
}

func (l *Log) copySegment(number uint64, last bool, write func(string, int64, io.Reader) error) error {
	path := l.segments.path(number)
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	size, err := l.segmentEnd(file, number, last)
	if err != nil {
		return err
	}
	return write(filepath.Base(path), size, io.NewSectionReader(file, 0, size))
}

// segmentEnd is how much of a segment counts. One that another follows ends
// where the next one's header says, and may be trimmed to that at any time; the
// last one ends with the last record that is there.
func (l *Log) segmentEnd(file *os.File, number uint64, last bool) (int64, error) {
	info, err := file.Stat()
	if err != nil {
		return 0, err
	}
	header, err := readHeader(file, l.Key)
	if errors.Is(err, segment.ErrDamaged) || errors.Is(err, segment.ErrEmpty) {
		return info.Size(), nil // as it is: recovery says what is wrong
	}
	if err != nil {
		return 0, err
	}
	if !last {
		return l.endByNext(number, info.Size())
	}
	scanner := segment.Scan(file, header.AEAD(l.Key), segment.Start, info.Size())
	for {
		_, err := scanner.Next()
		if errors.Is(err, io.EOF) {
			return scanner.End(), nil
		}
		if err != nil {
			return 0, err
		}
	}
}

// endByNext is where a segment ends as the one behind it says.
func (l *Log) endByNext(number uint64, size int64) (int64, error) {
	file, err := os.Open(l.segments.path(number + 1))
	if errors.Is(err, os.ErrNotExist) {
		return size, nil // it is lost
	}
	if err != nil {
		return 0, err
	}
	defer file.Close()
	next, err := readHeader(file, l.Key)
	if err != nil {
		return size, nil // recovery says what is wrong
	}
	return min(max(next.PreviousEnd, segment.Start), size), nil
}

// SegmentPath returns where Open looks for a segment that Segments has passed,
// below the directory of a log; ok is false for what is no segment's name.
func SegmentPath(dir, name string) (path string, ok bool) {
	if _, ok := segmentNumber(name); !ok {
		return "", false
	}
	return filepath.Join(dir, segmentsDir, name), true
}
