// Package fsutil provides what Go's os package lacks: the free space of a file
// system, allocating the blocks of a file before it is written, and durable
// names.
package fsutil

import (
	"errors"
	"os"
)

// zeros is what Zero writes at a time. For a write of 1 MiB Linux looks for as
// much contiguous memory, which took ten times the processor time.
var zeros [128 << 10]byte

// zeroSync is how much Zero writes before a sync: little, so that other writers
// do not wait for long.
const zeroSync = 1 << 20

// Zero writes zeros to the first size bytes of a file, and syncs them as it goes.
func Zero(file *os.File, size int64) error {
	for at := int64(0); at < size; {
		n, err := file.WriteAt(zeros[:min(size-at, int64(len(zeros)))], at)
		if err != nil {
			return err
		}
		if at += int64(n); at%zeroSync == 0 || at == size {
			if err := SyncData(file); err != nil {
				return err
			}
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
