package journal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hookgate/hookgate/internal/eventlog/segment"
)

// findSegments reads the headers of all segments, in order. A segment of
// another key is an error: nothing is touched then.
func (j *Journal) findSegments() ([]Segment, error) {
	entries, err := os.ReadDir(j.Dir)
	if err != nil {
		return nil, fmt.Errorf("listing the segments: %w", err)
	}
	var found []Segment
	var unfinished []string
	for _, entry := range entries {
		if strings.HasSuffix(entry.Name(), newSuffix) {
			unfinished = append(unfinished, filepath.Join(j.Dir, entry.Name()))
		}
		number, ok := segmentNumber(entry.Name())
		if !ok {
			continue
		}
		s, err := j.findSegment(number)
		if err != nil {
			return nil, fmt.Errorf("reading segment %s: %w", entry.Name(), err)
		}
		found = append(found, s)
	}
	for _, path := range unfinished {
		if err := os.Remove(path); err != nil {
			return nil, fmt.Errorf("removing an unfinished segment: %w", err)
		}
	}
	slices.SortFunc(found, func(a, b Segment) int { return int(a.Number - b.Number) })
	return found, nil
}

func (j *Journal) findSegment(number uint64) (Segment, error) {
	info, err := os.Stat(j.path(number))
	if err != nil {
		return Segment{}, err
	}
	file, err := j.Disk.Open(j.path(number))
	if err != nil {
		return Segment{}, err
	}
	s := Segment{Number: number, Size: info.Size()}
	s.Header, s.Err = segment.ReadHeader(file, j.Key)
	if err := file.Close(); err != nil {
		return Segment{}, err
	}
	switch {
	case s.Err == nil && s.Header.Number != number:
		s.Err = segment.ErrDamaged // a file under another's name
	case s.Err != nil && !errors.Is(s.Err, segment.ErrDamaged) && !errors.Is(s.Err, segment.ErrEmpty):
		return Segment{}, s.Err
	}
	return s, nil
}

// Has reports whether the journal has a place: what it does not have was lost, or
// is another journal's.
func (j *Journal) Has(mark Mark) bool {
	at := slices.IndexFunc(j.found, func(s Segment) bool { return s.Number == mark.Segment })
	return at >= 0 && j.found[at].Size >= mark.Offset && (j.found[at].Err != nil || j.found[at].Header.Salt == mark.Salt)
}
