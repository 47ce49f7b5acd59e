//go:build !linux

package fsutil

import (
	"math"
	"os"
)

// Free is not known here: what depends on free space holds on Linux only.
func Free(string) (int64, error) { return math.MaxInt64, nil }

// Size is not known here.
func Size(string) (int64, error) { return math.MaxInt64, nil }

// Allocate gives a file its size; it grows as it is written.
func Allocate(file *os.File, size int64) error { return file.Truncate(size) }

// SyncData makes a file durable.
func SyncData(file *os.File) error { return file.Sync() }
