package fsutil

import (
	"os"

	"golang.org/x/sys/unix"
)

// Exchange swaps two names in one file system atomically: even after a power
// cut, neither is ever missing. The names are durable once their directory is
// synced.
func Exchange(a, b string) error {
	err := retry(func() error { return unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_EXCHANGE) })
	if err != nil {
		return &os.LinkError{Op: "exchange", Old: a, New: b, Err: err}
	}
	return nil
}
