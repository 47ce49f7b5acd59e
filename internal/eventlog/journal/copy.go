package journal

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

// Copy passes each segment to pass, the oldest first: its name, its size, and its bytes
// as they are, sealed. Together they are the journal as a crash would have left it at a
// moment after the call: everything that was acknowledged before is there. The journal
// stays in use meanwhile. It grows, because held keeps segments that are not copied yet
// from being removed; if that leaves too little room for new records, the copy ends
// with an error.
func (j *Journal) Copy(ctx context.Context, held *Pin, pass func(name string, size int64, content io.Reader) error) error {
	numbers, err := j.segmentNumbers()
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
		if err := j.copySegment(number, i == len(numbers)-1, pass); err != nil {
			return fmt.Errorf("copying segment %d of the event log: %w", number, err)
		}
	}
	return nil
}

func (j *Journal) segmentNumbers() ([]uint64, error) {
	entries, err := os.ReadDir(j.Dir)
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

func (j *Journal) copySegment(number uint64, last bool, pass func(string, int64, io.Reader) error) error {
	path := j.path(number)
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	size, err := j.segmentEnd(file, number, last)
	if err != nil {
		return err
	}
	return pass(filepath.Base(path), size, io.NewSectionReader(file, 0, size))
}

// segmentEnd is how much of a segment counts. One that another follows ends
// where the next one's header says, and may be trimmed to that at any time; the
// last one ends with the last record that is there.
func (j *Journal) segmentEnd(file *os.File, number uint64, last bool) (int64, error) {
	info, err := file.Stat()
	if err != nil {
		return 0, err
	}
	header, err := segment.ReadHeader(file, j.Key)
	if errors.Is(err, segment.ErrDamaged) || errors.Is(err, segment.ErrEmpty) {
		return info.Size(), nil // as it is: recovery says what is wrong
	}
	if err != nil {
		return 0, err
	}
	if !last {
		return j.endByNext(number, info.Size())
	}
	scanner := segment.Scan(file, header.AEAD(j.Key), segment.Start, info.Size())
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
func (j *Journal) endByNext(number uint64, size int64) (int64, error) {
	file, err := os.Open(j.path(number + 1))
	if errors.Is(err, os.ErrNotExist) {
		return size, nil // it is lost
	}
	if err != nil {
		return 0, err
	}
	defer file.Close()
	next, err := segment.ReadHeader(file, j.Key)
	if err != nil {
		return size, nil // recovery says what is wrong
	}
	return min(max(next.PreviousEnd, segment.Start), size), nil
}
