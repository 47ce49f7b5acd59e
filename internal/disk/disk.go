// Package disk asks the operating system for what Go's os package does not
// have: the free space of a file system, the blocks of a file before it is
// written, and names that are durable.
package disk

import (
	"errors"
	"os"
)

// SyncDir makes the names in a directory durable.
func SyncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
