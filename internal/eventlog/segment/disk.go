package segment

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/hookgate/hookgate/internal/fsutil"
)

// File is an open segment.
type File interface {
	io.ReaderAt
	io.WriterAt
	// Sync makes what was written durable; it need not touch times.
	Sync() error
	Close() error
}

// Disk is where segments live. Tests put one that fails in its place.
type Disk interface {
	// Create makes a file that must not exist, of size zeros that are on the
	// disk.
	Create(path string, size int64) (File, error)
	// Open opens a file for reading.
	Open(path string) (File, error)
	// Rename gives a file its name, durably.
	Rename(from, to string) error
	// Remove takes a file away, durably.
	Remove(path string) error
	// Truncate shortens a file to what counts.
	Truncate(path string, size int64) error
	// Space returns the bytes that the file system of a directory has for us.
	Space(dir string) (free int64, err error)
}

// OS is the machine's own disk.
type OS struct{}

// Create makes a file of mode 0600. It asks for the blocks, so that a later write
// does not meet a full disk, and writes them, so that syncing a later write
// changes nothing but data: ext4 notes in its journal when an allocated block is
// first written, which takes longer than the data does, and a sync at the moment
// at which the journal fails has been seen to succeed without it.
func (OS) Create(path string, size int64) (File, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	err = fsutil.Allocate(file, size)
	if err == nil {
		err = fsutil.Zero(file, size)
	}
	if err == nil {
		err = file.Sync()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("allocating %d bytes for %s: %w", size, filepath.Base(path), err),
			file.Close(), os.Remove(path))
	}
	return osFile{file}, nil
}

// Open opens a file for reading.
func (OS) Open(path string) (File, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	return osFile{file}, nil
}

// Rename renames a file and syncs the directory.
func (OS) Rename(from, to string) error {
	if err := os.Rename(from, to); err != nil {
		return err
	}
	return fsutil.SyncDir(filepath.Dir(to))
}

// Remove removes a file and syncs the directory.
func (OS) Remove(path string) error {
	if err := os.Remove(path); err != nil {
		return err
	}
	return fsutil.SyncDir(filepath.Dir(path))
}

// Truncate shortens a file.
func (OS) Truncate(path string, size int64) error { return os.Truncate(path, size) }

// Space asks the file system.
func (OS) Space(dir string) (free int64, err error) { return fsutil.Free(dir) }

type osFile struct{ *os.File }

func (f osFile) Sync() error { return fsutil.SyncData(f.File) }
