package fsutil

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// others are the bits of a mode that allow something to anyone but the owner.
const others = 0o077

// KeepPrivate takes from all but the owner what a directory and the files in it
// allow them. It is for what a library makes, as the umask lets it. Not every file
// system can do it, and then nothing is done.
func KeepPrivate(dir string) {
	if runtime.GOOS == "windows" {
		return // it has no such modes
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
		_ = os.Chmod(path, mode&^others) // it may be gone by now
	}
}
