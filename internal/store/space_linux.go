package store

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// diskSpace returns the free and the total bytes of the directory's disk.
func diskSpace(dir string) (free, total int64, err error) {
	var stat unix.Statfs_t
	for err = unix.EINTR; errors.Is(err, unix.EINTR); {
		err = unix.Statfs(dir, &stat)
	}
	if err != nil {
		return 0, 0, &os.PathError{Op: "statfs", Path: dir, Err: err}
	}
	return int64(stat.Bavail) * int64(stat.Bsize), int64(stat.Blocks) * int64(stat.Bsize), nil
}
