package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/hookgate/hookgate/internal/eventlog/segment"
	"github.com/hookgate/hookgate/internal/seal"
)

// Place is a position in a journal; comparing it reveals an outdated copy.
type Place struct {
	// Segment is the one that is written to. It grows with each start.
	Segment uint64
	Salt    [seal.SaltSize]byte
	// Record is the number of the last record that is durable.
	Record uint64
}

// Place returns how far the journal is, also once it is closed.
func (j *Journal) Place() Place {
	place := *j.place.Load()
	place.Record = j.durable.Load()
	return place
}

// Found is what there is, held against a place.
type Found int

// The values of Found.
const (
	Nothing Found = iota // no segment
	Older                // a log of before the place, or another one
	Fits
)

// Find says what the segments in a directory are, which are not open.
func Find(dir string, key seal.Key, place Place) (Found, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return Nothing, nil
	}
	if err != nil {
		return Nothing, fmt.Errorf("listing the segments: %w", err)
	}
	var last uint64
	there := false
	for _, entry := range entries {
		number, ok := segmentNumber(entry.Name())
		if ok {
			last, there = max(last, number), there || number == place.Segment
		}
	}
	switch {
	case last == 0:
		return Nothing, nil
	case last < place.Segment:
		return Older, nil
	case !there:
		return Fits, nil
	}
	file, err := os.Open(filepath.Join(dir, segmentName(place.Segment)))
	if err != nil {
		return Nothing, fmt.Errorf("reading a segment: %w", err)
	}
	defer file.Close()
	header, err := segment.ReadHeader(file, key)
	switch {
	case errors.Is(err, segment.ErrDamaged), errors.Is(err, segment.ErrEmpty):
		return Fits, nil // recovery says what is wrong
	case err != nil:
		return Nothing, err
	case header.Salt != place.Salt:
		return Older, nil
	}
	return Fits, nil
}
