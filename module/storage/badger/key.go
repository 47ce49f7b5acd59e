package badger

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"syscall"

	"github.com/hookgate/hookgate/internal/eventlog"
	"github.com/hookgate/hookgate/internal/fsutil"
	"github.com/hookgate/hookgate/internal/seal"
	"github.com/hookgate/hookgate/module/storage"
)

// The names in the storage's directory.
const (
	integrationsDir = "integrations"
	eventsDir       = "events"

	// keycheckFile tells a wrong key before anything else is opened: it has a
	// record of each key that integrations may be sealed with, the present one
	// first. There is more than one while the key is being exchanged.
	keycheckFile = "keycheck"
)

const (
	keycheckPurpose = "hookgate keycheck"
	keycheckText    = "hookgate"
	keycheckSize    = seal.Overhead + len(keycheckText)
)

// unlock returns the key of the storage, once it is known to be the right one,
// and whether integrations may be sealed with one that it has replaced. For a
// storage that does not exist yet it makes what tells so later, and the key
// itself when none is configured. All of it is on disk when it returns.
func (s *Storage) unlock() (key seal.Key, replaced bool, err error) {
	keycheck, err := os.ReadFile(s.in(keycheckFile))
	if errors.Is(err, fs.ErrNotExist) {
		key, err = s.create()
		return key, false, unavailable(err)
	}
	if err != nil {
		return seal.Key{}, false, fmt.Errorf("reading the check of its key: %w", err)
	}
	key, err = s.presentKey()
	if errors.Is(err, fs.ErrNotExist) {
		return seal.Key{}, false, fmt.Errorf("the storage %s has data but its key %s is missing; put the key back, for nothing can be read without it",
			s.path, s.keyPath())
	}
	if err != nil {
		return seal.Key{}, false, err
	}
	if err := s.checkKey(key, keycheck); err != nil {
		return seal.Key{}, false, err
	}
	if err := s.checkParts(); err != nil {
		return seal.Key{}, false, err
	}
	if seal.SealedBy(keycheck) != key.ID() {
		// From now on the key may be in use, and the others are until all is
		// resealed.
		if err := s.writeKeycheck(append(keycheckOf(key), keycheck...)); err != nil {
			return seal.Key{}, false, unavailable(fmt.Errorf("exchanging the key: %w", err))
		}
		return key, true, nil
	}
	return key, len(keycheck) > keycheckSize, nil
}

// checkKey is an error when data is sealed with a key that is not there.
func (s *Storage) checkKey(key seal.Key, keycheck []byte) error {
	wrong := fmt.Errorf("the key %s is not the key of the storage %s; put the right one back", s.keyName(), s.path)
	if len(keycheck) == 0 || len(keycheck)%keycheckSize != 0 {
		return wrong
	}
	needed, err := eventlog.KeyIDs(s.in(eventsDir))
	if err != nil {
		return err
	}
	opened := 0
	for rest := keycheck; len(rest) > 0; rest = rest[keycheckSize:] {
		if _, err := key.Open(keycheckPurpose, nil, rest[:keycheckSize]); err == nil {
			opened++
			continue
		}
		needed[seal.SealedBy(rest[:keycheckSize])] = true
	}
	if opened == 0 {
		return wrong
	}
	for id := range needed {
		if _, ok := key.Find(id); !ok {
			return fmt.Errorf("the storage %s has data that is sealed with the key %x, which is missing in %s; put it back below the present one",
				s.path, id, s.keyName())
		}
	}
	if opened*keycheckSize < len(keycheck) {
		return wrong
	}
	return nil
}

// checkParts is an error when a part of the data is gone.
func (s *Storage) checkParts() error {
	for _, name := range []string{integrationsDir, eventsDir} {
		_, err := os.Stat(s.in(name))
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("the storage has lost its %s: the directory %s is missing; put it back, or make an empty one to go on without them", name, s.in(name))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// create makes the directory of a new storage.
func (s *Storage) create() (seal.Key, error) {
	for _, name := range []string{integrationsDir, eventsDir} {
		if empty, err := isEmpty(s.in(name)); err != nil || !empty {
			return seal.Key{}, errors.Join(fmt.Errorf("the storage %s has data but its file %s is missing; its key is %s; restore a backup",
				s.path, keycheckFile, s.keyName()), err)
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
	if err := s.makeDirs(); err != nil {
		return seal.Key{}, fmt.Errorf("making the storage: %w", err)
	}
	if err := s.writeKeycheck(keycheckOf(key)); err != nil {
		return seal.Key{}, fmt.Errorf("making the storage: %w", err)
	}
	return key, nil
}

// makeDirs makes the parts' directories, before anything says that the storage
// exists.
func (s *Storage) makeDirs() error {
	for _, name := range []string{integrationsDir, eventsDir} {
		if err := os.MkdirAll(s.in(name), 0o700); err != nil {
			return err
		}
	}
	return nil
}

// isEmpty reports whether a directory is empty or does not exist.
func isEmpty(dir string) (bool, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	return len(entries) == 0, err
}

// unavailable has a full disk be a reason to try again.
func unavailable(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%w: %w", storage.ErrUnavailable, err)
	}
	return err
}

// presentKey returns the configured key, or else the generated one.
func (s *Storage) presentKey() (seal.Key, error) {
	if s.key != nil {
		return *s.key, nil
	}
	return seal.ReadKeyFile(s.keyPath())
}

func (s *Storage) keyPath() string { return s.path + ".key" }

// in is the path of a name in the storage's directory.
func (s *Storage) in(name string) string { return filepath.Join(s.path, name) }

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

// keycheckOf is a record of a key.
func keycheckOf(key seal.Key) []byte {
	return key.Seal(keycheckPurpose, nil, []byte(keycheckText))
}

// writeKeycheck makes the file whole or not at all, and durable.
func (s *Storage) writeKeycheck(records []byte) (err error) {
	file, err := os.CreateTemp(s.path, keycheckFile+".*")
	if err != nil {
		return err
	}
	_, err = file.Write(records)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(file.Name(), s.in(keycheckFile))
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return errors.Join(fsutil.SyncDir(s.path), fsutil.SyncDir(filepath.Dir(s.path)))
}
