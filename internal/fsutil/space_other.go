//go:build !linux

package fsutil

import (
	"math"
	"os"
)

// Free is not supported here: whatever depends on free space works on Linux
// only.
func Free(string) (int64, error) { return math.MaxInt64, nil }

// Size is not supported here.
func Size(string) (int64, error) { return math.MaxInt64, nil }

// Allocate sets a file's size; the file grows as it is written.
func Allocate(file *os.File, size int64) error { return file.Truncate(size) }

// SyncData makes a file durable.
func SyncData(file *os.File) error { return file.Sync() }
