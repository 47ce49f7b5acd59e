//go:build !unix || aix || solaris

package fsutil

import "os"

// Lock makes a file. It keeps nobody away here.
func Lock(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
}
