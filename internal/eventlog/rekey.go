package eventlog

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/hookgate/hookgate/internal/eventlog/index"
	"github.com/hookgate/hookgate/internal/eventlog/segment"
	"github.com/hookgate/hookgate/internal/seal"
)

// KeyIDs tells which keys sealed the segments of the log in a directory, which
// may be open. A segment whose header is damaged names none.
func KeyIDs(dir string) (map[[seal.KeyIDSize]byte]bool, error) {
	ids := make(map[[seal.KeyIDSize]byte]bool)
	entries, err := os.ReadDir(filepath.Join(dir, segmentsDir))
	if errors.Is(err, fs.ErrNotExist) {
		return ids, nil
	}
	if err != nil {
		return nil, fmt.Errorf("listing the segments: %w", err)
	}
	for _, entry := range entries {
		if _, ok := segmentNumber(entry.Name()); !ok {
			continue
		}
		id, err := keyID(filepath.Join(dir, segmentsDir, entry.Name()))
		switch {
		case err == nil:
			ids[id] = true
		case !errors.Is(err, segment.ErrDamaged) && !errors.Is(err, fs.ErrNotExist):
			return nil, fmt.Errorf("reading the key of segment %s: %w", entry.Name(), err)
		}
	}
	return ids, nil
}

func keyID(path string) (id [seal.KeyIDSize]byte, err error) {
	file, err := os.Open(path)
	if err != nil {
		return id, err
	}
	defer file.Close()
	raw := make([]byte, segment.Start)
	n, err := file.ReadAt(raw, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return id, err
	}
	return segment.KeyID(raw[:n])
}

// Rekey prepares the log in a directory, which is not open, for a key that has
// replaced others: its index is opened by the present one from then on. The
// open log writes the segments of the others anew.
func Rekey(dir string, key seal.Key) error {
	return index.Rekey(filepath.Join(dir, indexDir), key)
}

// Sealed tells how many bytes of segments each key has sealed.
func (l *Log) Sealed() map[[seal.KeyIDSize]byte]int64 {
	bytes := make(map[[seal.KeyIDSize]byte]int64)
	l.segments.mu.Lock()
	defer l.segments.mu.Unlock()
	for _, s := range l.segments.list {
		if s.err == nil {
			bytes[s.header.KeyID] += s.size
		}
	}
	return bytes
}
