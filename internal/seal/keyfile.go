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

// ReadKeyFile reads a key file: the key, and below it those that it has
// replaced. A file that does not exist is fs.ErrNotExist. One that everyone may
// read or write is refused, as ssh does it.
func ReadKeyFile(path string) (Key, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return Key{}, fmt.Errorf("reading the encryption key: %w", err)
	}
	if mode := modeOf(path); mode&everyone != 0 {
		return Key{}, fmt.Errorf("reading the encryption key: %s has the mode %04o, with which everyone can get at it; give it the mode 0600, "+
			"and put another key to use if somebody may have read it", path, mode.Perm())
	}
	key, err := ParseKey(string(text))
	if err != nil {
		return Key{}, fmt.Errorf("reading the encryption key %s: %w", path, err)
	}
	return key, nil
}

// The bits of a mode that allow something to those who are not the owner.
const (
	everyone = 0o007
	group    = 0o070
	writing  = 0o002 // everyone's
)

// modeOf returns the mode of a file, 0 where there is none.
func modeOf(path string) fs.FileMode {
	info, err := os.Stat(path)
	if err != nil || runtime.GOOS == "windows" {
		return 0
	}
	return info.Mode() & (fs.ModePerm | fs.ModeSticky)
}

// Exposures tells for people what a key file that is not refused allows to others
// than its owner. A group may be meant: some volumes are shared by one.
func Exposures(path string) []string {
	var told []string
	if mode := modeOf(path); mode&group != 0 {
		told = append(told, fmt.Sprintf("%s has the mode %04o, with which its group can get at the key; 0600 is enough", path, mode.Perm()))
	}
	dir := filepath.Dir(path)
	if mode := modeOf(dir); mode&writing != 0 && mode&fs.ModeSticky == 0 {
		told = append(told, fmt.Sprintf("%s has the mode %04o, with which everyone can put another key in place; 0700 is enough", dir, mode.Perm()))
	}
	return told
}

// CreateKeyFile draws a key and writes it, readable by its owner only, to a
// file that must not exist. The key is on disk when it returns.
func CreateKeyFile(path string) (Key, error) {
	key := NewKey()
	if err := writeNew(path, key.Text()+"\n"); err != nil {
		return Key{}, fmt.Errorf("writing the encryption key: %w", err)
	}
	return key, nil
}

// RotateKeyFile draws a key and writes it in front of those in the file. The
// file is on disk when it returns, with all its keys at every moment.
func RotateKeyFile(path string) (Key, error) {
	old, err := ReadKeyFile(path)
	if err != nil {
		return Key{}, err
	}
	key := NewKey().Replacing(old)
	if ids := key.IDs(); len(ids) > MaxKeys {
		return Key{}, fmt.Errorf("the key file %s holds %d keys already; remove the ones that are not needed any more", path, MaxKeys)
	}
	if err := replaceFile(path, key.lines()); err != nil {
		return Key{}, fmt.Errorf("writing the encryption key: %w", err)
	}
	return key, nil
}

// lines is the text of a key file.
func (k Key) lines() string {
	var text strings.Builder
	for key := range k.All() {
		text.WriteString(key.Text() + "\n")
	}
	return text.String()
}

// writeNew makes a file complete or not at all: it is written and synced
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

// replaceFile is writeNew for a file that exists.
func replaceFile(path, text string) error {
	return writeAside(path, text, func(aside string) error { return os.Rename(aside, path) })
}

// writeAside writes and syncs a file of mode 0600 beside a path, and has it put
// there.
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
		_ = os.Remove(file.Name()) // the error that counts is the first
		return err
	}
	return fsutil.SyncDir(dir)
}
