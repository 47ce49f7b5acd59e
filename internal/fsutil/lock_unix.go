//go:build unix && !aix && !solaris

package fsutil

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// Lock creates a file and locks it until the file is closed or the process
// ends. If another process holds the lock, the error is ErrLocked.
func Lock(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	err = unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		err = ErrLocked
	}
	if err != nil {
		return nil, errors.Join(&os.PathError{Op: "lock", Path: path, Err: err}, file.Close())
	}
	return file, nil
}
