package badger

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"

	"github.com/hookgate/hookgate/internal/disk"
	"github.com/hookgate/hookgate/internal/seal"
)

// The names in the storage's directory.
const (
	integrationsDir = "integrations"
	eventsDir       = "events"

	// keycheckFile is sealed with the key of the storage: it tells a wrong key
	// before anything else is opened.
	keycheckFile = "keycheck"
)

const keycheckPurpose = "hookgate keycheck"

// unlock returns the key of the storage, once it is known to be the right one.
// For a storage that does not exist yet it makes what tells so later, and the
// key itself when none is configured. All of it is on disk when it returns.
func (s *Storage) unlock() (seal.Key, error) {
	keycheck, err := os.ReadFile(filepath.Join(s.path, keycheckFile))
	if errors.Is(err, fs.ErrNotExist) {
		return s.create()
	}
	if err != nil {
		return seal.Key{}, fmt.Errorf("reading the check of its key: %w", err)
	}
	key, err := s.presentKey()
	if errors.Is(err, fs.ErrNotExist) {
		return seal.Key{}, fmt.Errorf("the storage %s has data but its key %s is missing; put the key back, for nothing can be read without it",
			s.path, s.keyPath())
	}
	if err != nil {
		return seal.Key{}, err
	}
	if _, err := key.Open(keycheckPurpose, nil, keycheck); err != nil {
		return seal.Key{}, fmt.Errorf("the key %s is not the key of the storage %s; put the right one back", s.keyName(), s.path)
	}
	return key, nil
}

// create makes the directory of a new storage.
func (s *Storage) create() (seal.Key, error) {
	for _, name := range []string{integrationsDir, eventsDir} {
		if _, err := os.Lstat(filepath.Join(s.path, name)); !errors.Is(err, fs.ErrNotExist) {
			return seal.Key{}, fmt.Errorf("the storage %s has data but its file %s is missing; its key is %s; restore a backup",
				s.path, keycheckFile, s.keyName())
		}
	}
	if err := os.MkdirAll(filepath.Dir(s.path), 0o700); err != nil {
		return seal.Key{}, fmt.Errorf("making the storage: %w", err)
	}
	key, err := s.presentKey()
	if errors.Is(err, fs.ErrNotExist) {
		key, err = seal.CreateKeyFile(s.keyPath())
	}
	if err != nil {
		return seal.Key{}, err
	}
	if err := os.MkdirAll(s.path, 0o700); err != nil {
		return seal.Key{}, fmt.Errorf("making the storage: %w", err)
	}
	if err := s.writeKeycheck(key); err != nil {
		return seal.Key{}, fmt.Errorf("making the storage: %w", err)
	}
	return key, nil
}

// presentKey returns the configured key, or else the generated one.
func (s *Storage) presentKey() (seal.Key, error) {
	if s.key != nil {
		return *s.key, nil
	}
	return seal.ReadKeyFile(s.keyPath())
}

func (s *Storage) keyPath() string { return s.path + ".key" }

// placeholder is a setting that holds no part of a key itself.
var placeholder = regexp.MustCompile(`^\{(env|file)\.[^{}]+\}$`)

// keyName says where the key comes from.
func (s *Storage) keyName() string {
	switch {
	case s.key == nil:
		return s.keyPath()
	case placeholder.MatchString(s.EncryptionKey):
		return s.EncryptionKey + " (encryption_key)"
	default:
		return "in encryption_key"
	}
}

// writeKeycheck makes the file whole or not at all, and durable.
func (s *Storage) writeKeycheck(key seal.Key) (err error) {
	file, err := os.CreateTemp(s.path, keycheckFile+".*")
	if err != nil {
		return err
	}
	_, err = file.Write(key.Seal(keycheckPurpose, nil, []byte("hookgate")))
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(file.Name(), filepath.Join(s.path, keycheckFile))
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return errors.Join(disk.SyncDir(s.path), disk.SyncDir(filepath.Dir(s.path)))
}
