package segment

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// allocate reserves blocks. A file system that cannot (some network ones) gives
// a file that grows as it is written.
func allocate(file *os.File, size int64) error {
	err := retry(func() error { return unix.Fallocate(int(file.Fd()), 0, 0, size) })
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOSYS) {
		return file.Truncate(size)
	}
	return err
}

func datasync(file *os.File) error {
	return retry(func() error { return unix.Fdatasync(int(file.Fd())) })
}

func retry(call func() error) error {
	for {
		if err := call(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

func space(dir string) (free int64, err error) {
	var stat unix.Statfs_t
	if err := retry(func() error { return unix.Statfs(dir, &stat) }); err != nil {
		return 0, &os.PathError{Op: "statfs", Path: dir, Err: err}
	}
	return int64(stat.Bavail) * int64(stat.Bsize), nil //nolint:unconvert // 32 bits on some systems
}
