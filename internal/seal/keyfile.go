package seal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/hookgate/hookgate/internal/fsutil"
)

// ReadKeyFile reads a key file: the key, followed by those that it has
// replaced. If the file does not exist, the error is fs.ErrNotExist. A file
// that everyone may read or write is refused, as ssh does.
func ReadKeyFile(path string) (Key, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return Key{}, fmt.Errorf("reading the encryption key: %w", err)
	}
	if mode := modeOf(path); mode&everyone != 0 {
		return Key{}, fmt.Errorf("reading the encryption key: %s has mode %04o, which lets everyone access it; change it to 0600, "+
			"and rotate the key if someone may have read it", path, mode.Perm())
	}
	key, err := ParseKey(string(text))
	if err != nil {
		return Key{}, fmt.Errorf("reading the encryption key %s: %w", path, err)
	}
	return key, nil
}

// Permission bits for those who are not the owner.
const (
	everyone = 0o007
	group    = 0o070
	writing  = 0o002 // everyone's
)

// modeOf returns the mode of a file, or 0 if there is none.
func modeOf(path string) fs.FileMode {
	info, err := os.Stat(path)
	if err != nil || runtime.GOOS == "windows" {
		return 0
	}
	return info.Mode() & (fs.ModePerm | fs.ModeSticky)
}

// Exposures describes what an accepted key file allows to others than its
// owner. Group access may be intended: some volumes are shared by a group.
func Exposures(path string) []string {
	var told []string
	if mode := modeOf(path); mode&group != 0 {
		told = append(told, fmt.Sprintf("%s has mode %04o, which lets its group access the key; 0600 is enough", path, mode.Perm()))
	}
	dir := filepath.Dir(path)
	if mode := modeOf(dir); mode&writing != 0 && mode&fs.ModeSticky == 0 {
		told = append(told, fmt.Sprintf("%s has mode %04o, which lets everyone replace the key; 0700 is enough", dir, mode.Perm()))
	}
	return told
}

// CreateKeyFile generates a key and writes it, readable by its owner only, to a
// file that must not exist. When it returns, the key is on disk.
func CreateKeyFile(path string) (Key, error) {
	key := NewKey()
	if err := writeNew(path, key.Text()+"\n"); err != nil {
		return Key{}, fmt.Errorf("writing the encryption key: %w", err)
	}
	return key, nil
}

// RotateKeyFile generates a key and inserts it at the top of the file. When it
// returns, the file is on disk; it has all of its keys at every moment.
func RotateKeyFile(path string) (Key, error) {
	old, err := ReadKeyFile(path)
	if err != nil {
		return Key{}, err
	}
	key := NewKey().Replacing(old)
	if ids := key.IDs(); len(ids) > MaxKeys {
		return Key{}, fmt.Errorf("the key file %s already has %d keys; remove those that are no longer needed", path, MaxKeys)
	}
	if err := replaceFile(path, key.lines()); err != nil {
		return Key{}, fmt.Errorf("writing the encryption key: %w", err)
	}
	return key, nil
}

// lines returns the text of a key file.
func (k Key) lines() string {
	var text strings.Builder
	for key := range k.All() {
		text.WriteString(key.Text() + "\n")
	}
	return text.String()
}

// writeNew creates a file completely or not at all: it is written and synced
// under another name, then linked into place.
func writeNew(path, text string) error {
	return writeAside(path, text, func(aside string) error {
		err := os.Link(aside, path)
		if errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("%s: %w", path, fs.ErrExist)
		}
		return errors.Join(err, os.Remove(aside))
	})
}

// replaceFile is writeNew for an existing file.
func replaceFile(path, text string) error {
	return writeAside(path, text, func(aside string) error { return os.Rename(aside, path) })
}

// writeAside writes and syncs a file of mode 0600 beside a path, and calls
// place to put it there.
func writeAside(path, text string, place func(aside string) error) error {
	dir := filepath.Dir(path)
	file, err := os.CreateTemp(dir, filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	_, err = file.WriteString(text)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err == nil {
		err = place(file.Name())
	}
	if err != nil {
		_ = os.Remove(file.Name()) // the first error is the one that counts
		return err
	}
	return fsutil.SyncDir(dir)
}
