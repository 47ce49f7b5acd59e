package index

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/hookgate/hookgate/internal/disk"
)

// allocateLogs asks for the blocks of Badger's write-ahead logs, which are made
// as files with holes and written through memory maps: a hole that the disk
// cannot fill kills the process, an allocation that it refuses is an error.
func (x *Index) allocateLogs() error {
	paths, err := filepath.Glob(filepath.Join(x.dir, "*.mem"))
	if err != nil {
		return err
	}
	for _, path := range paths {
		if slices.Contains(x.allocated, path) {
			continue
		}
		if err := allocate(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("allocating the event index: %w", err)
		}
	}
	x.allocated = paths
	return nil
}

func allocate(path string) error {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(disk.Fill(file), file.Close())
}
