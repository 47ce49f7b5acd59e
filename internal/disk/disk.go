// Package disk asks the operating system for what Go's os package does not
// have: the free space of a file system, the blocks of a file before it is
// written, and names that are durable.
package disk

import (
	"errors"
	"os"
)

// zeros is what Zero writes at a time: little, so that others who write to the
// disk need not wait for long.
var zeros [1 << 20]byte

// Zero writes zeros to the first size bytes of a file, and syncs them as it goes.
func Zero(file *os.File, size int64) error {
	for at := int64(0); at < size; at += int64(len(zeros)) {
		if _, err := file.WriteAt(zeros[:min(size-at, int64(len(zeros)))], at); err != nil {
			return err
		}
		if err := SyncData(file); err != nil {
			return err
		}
	}
	return nil
}

// SyncDir makes the names in a directory durable.
func SyncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
