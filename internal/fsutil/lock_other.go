//go:build !unix || aix || solaris

package fsutil

import "os"

// Lock creates a file. It does not exclude other processes here.
func Lock(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
}
