package fsutil

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// Free returns the bytes that the file system of a directory has available for
// us.
func Free(dir string) (int64, error) {
	stat, err := statfs(dir)
	return int64(stat.Bavail) * int64(stat.Bsize), err //nolint:unconvert // 32 bits on some systems
}

// Size returns the total size of a directory's file system in bytes.
func Size(dir string) (int64, error) {
	stat, err := statfs(dir)
	return int64(stat.Blocks) * int64(stat.Bsize), err //nolint:unconvert // 32 bits on some systems
}

func statfs(dir string) (stat unix.Statfs_t, err error) {
	if err := retry(func() error { return unix.Statfs(dir, &stat) }); err != nil {
		return unix.Statfs_t{}, &os.PathError{Op: "statfs", Path: dir, Err: err}
	}
	return stat, nil
}

// Allocate sets a file's size and allocates its blocks, so that a later write
// does not run into a full disk. On a file system that cannot do this (some
// network ones) the file grows as it is written.
func Allocate(file *os.File, size int64) error {
	err := retry(func() error { return unix.Fallocate(int(file.Fd()), 0, 0, size) })
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOSYS) {
		return file.Truncate(size)
	}
	return err
}

// SyncData makes what was written to a file durable, but not its times.
func SyncData(file *os.File) error {
	return retry(func() error { return unix.Fdatasync(int(file.Fd())) })
}

func retry(call func() error) error {
	for {
		if err := call(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
