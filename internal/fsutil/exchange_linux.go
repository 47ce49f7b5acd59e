package fsutil

import (
	"os"

	"golang.org/x/sys/unix"
)

// Exchange has two names of one file system change places, at once: nobody, not
// even after a power cut, finds one of them missing. The names are durable once
// their directory is synced.
func Exchange(a, b string) error {
	err := retry(func() error { return unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_EXCHANGE) })
	if err != nil {
		return &os.LinkError{Op: "exchange", Old: a, New: b, Err: err}
	}
	return nil
}
