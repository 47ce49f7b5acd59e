package storage

import "time"

// DiskMeter is a Backend that knows the disk that it lies on. To be one is optional.
type DiskMeter interface {
	Disk() Disk
}

// Disk is what the status page shows of a storage's disk.
type Disk struct {
	// SizeBytes are those that the storage takes.
	SizeBytes int64
	// FreeBytes are those that are free, 0 when that is not known.
	FreeBytes int64
}

// ClockWatcher is a Backend that watches the wall clock of its machine, by which
// events grow old. To be one is optional.
type ClockWatcher interface {
	// ClockJump is by how much the wall clock last jumped: forward, or backward
	// where it is negative. Zero means that no jump was seen. At the start a jump
	// forward counts when it is more than a day.
	ClockJump() time.Duration
}
