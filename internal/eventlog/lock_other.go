//go:build !unix || aix || solaris

package eventlog

import "os"

// lockFile only makes the file: the lock of the integrations' store beside the
// log keeps a second process out.
func lockFile(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
}
