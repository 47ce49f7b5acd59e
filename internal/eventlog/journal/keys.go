package journal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/hookgate/hookgate/internal/eventlog/segment"
	"github.com/hookgate/hookgate/internal/seal"
)

// KeyIDs tells which keys sealed the segments in a directory, whose journal may be
// open. A segment whose header is damaged names none.
func KeyIDs(dir string) (map[[seal.KeyIDSize]byte]bool, error) {
	ids := make(map[[seal.KeyIDSize]byte]bool)
	entries, err := os.ReadDir(dir)
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
		id, err := keyID(filepath.Join(dir, entry.Name()))
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
