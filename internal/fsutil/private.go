package fsutil

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// others are the permission bits for anyone but the owner.
const others = 0o077

// KeepPrivate removes everyone else's permissions from a directory and the
// files in it. It is for files that a library creates subject to the umask. On
// a file system without permissions it does nothing.
func KeepPrivate(dir string) {
	if runtime.GOOS == "windows" {
		return // no permissions here
	}
	if info, err := os.Stat(dir); err == nil {
		keepPrivate(dir, info)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, entry := range entries {
		if info, err := entry.Info(); err == nil && info.Mode().IsRegular() {
			keepPrivate(filepath.Join(dir, entry.Name()), info)
		}
	}
}

func keepPrivate(path string, info fs.FileInfo) {
	if mode := info.Mode().Perm(); mode&others != 0 {
		_ = os.Chmod(path, mode&^others) // it may be gone already
	}
}
