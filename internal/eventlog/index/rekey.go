package index

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/dgraph-io/badger/v4"
)

// Rekey has the index in a directory, which is not open, be opened by the key
// where one of the old keys opens it now. It exchanges one small file at once,
// so a crash leaves one key or the other. An index that none of them opens, or
// that is not there, is left as it is.
func Rekey(dir string, key []byte, old ...[]byte) error {
	_, err := os.Stat(filepath.Join(dir, badger.KeyRegistryFileName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("giving the event index another key: %w", err)
	}
	if _, err := badger.OpenKeyRegistry(registry(dir, key)); err == nil {
		return nil
	}
	for _, old := range old {
		keys, err := badger.OpenKeyRegistry(registry(dir, old))
		if err != nil {
			continue
		}
		if err := badger.WriteKeyRegistry(keys, registry(dir, key)); err != nil {
			return fmt.Errorf("giving the event index another key: %w", err)
		}
		return nil
	}
	return nil
}

func registry(dir string, key []byte) badger.KeyRegistryOptions {
	return badger.KeyRegistryOptions{Dir: dir, ReadOnly: true, EncryptionKey: key, EncryptionKeyRotationDuration: 10 * 24 * time.Hour}
}
