package seal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/hookgate/hookgate/internal/disk"
)

// ReadKeyFile reads a key file. A file that does not exist is fs.ErrNotExist.
func ReadKeyFile(path string) (Key, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return Key{}, fmt.Errorf("reading the encryption key: %w", err)
	}
	key, err := ParseKey(strings.TrimSpace(string(text)))
	if err != nil {
		return Key{}, fmt.Errorf("reading the encryption key %s: %w", path, err)
	}
	return key, nil
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

// writeNew makes a file complete or not at all: it is written and synced
// under another name, then linked into place.
func writeNew(path, text string) (err error) {
	dir := filepath.Dir(path)
	file, err := os.CreateTemp(dir, filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(file.Name())) }()
	_, err = file.WriteString(text)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	if err := os.Link(file.Name(), path); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("%s: %w", path, fs.ErrExist)
		}
		return err
	}
	return disk.SyncDir(dir)
}
