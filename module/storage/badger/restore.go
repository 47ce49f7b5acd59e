package badger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"

	"github.com/hookgate/hookgate/internal/backup"
	"github.com/hookgate/hookgate/internal/eventlog"
	"github.com/hookgate/hookgate/internal/fsutil"
	"github.com/hookgate/hookgate/internal/seal"
	"github.com/hookgate/hookgate/internal/store"
	"github.com/hookgate/hookgate/module/storage"
)

// Restore implements storage.Restorer. The storage is made beside its place,
// opened there once, and then put in place at once.
func (s *Storage) Restore(ctx context.Context, r io.Reader) (restored storage.Restored, err error) {
	if empty, err := isEmpty(s.path); err != nil || !empty {
		return restored, errors.Join(fmt.Errorf("there is something in %s already; restore to a place with nothing", s.path), err)
	}
	in, err := backup.NewReader(untilDone{ctx, r})
	if err != nil {
		return restored, err
	}
	key, err := s.keyOf(in)
	if err != nil {
		return restored, err
	}
	parent := filepath.Dir(s.path)
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return restored, fmt.Errorf("making a place for the storage: %w", err)
	}
	aside, err := os.MkdirTemp(parent, filepath.Base(s.path)+".restoring-*") // mode 0700
	if err != nil {
		return restored, fmt.Errorf("making a place for the storage: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(aside)) }()
	if restored, err = s.restoreTo(ctx, aside, in, key); err != nil {
		return storage.Restored{}, err
	}
	return restored, s.moveFrom(aside)
}

// keyOf returns the storage's key, which must be there and open the backup.
func (s *Storage) keyOf(in *backup.Reader) (seal.Key, error) {
	key, err := s.presentKey()
	if errors.Is(err, fs.ErrNotExist) {
		return seal.Key{}, fmt.Errorf("the backup is sealed with the key %s; put that key at %s first", in.Manifest.Keys[0], s.keyPath())
	}
	if err != nil {
		return seal.Key{}, err
	}
	var missing *backup.MissingKeyError
	if err := in.Unlock(key); errors.As(err, &missing) {
		return seal.Key{}, fmt.Errorf("the backup needs the key %s; the key %s is %s", missing.ID, s.keyName(), key.IDs()[0])
	} else if err != nil {
		return seal.Key{}, err
	}
	return key, nil
}

// restoreTo makes the storage in another directory.
func (s *Storage) restoreTo(ctx context.Context, dir string, in *backup.Reader, key seal.Key) (storage.Restored, error) {
	there := &Storage{path: dir}
	if err := there.makeDirs(); err != nil {
		return storage.Restored{}, fmt.Errorf("making the storage: %w", err)
	}
	next, err := restoreEvents(there.in(eventsDir), in)
	if err != nil {
		return storage.Restored{}, err
	}
	pages := restorePages(in, next)
	if err := store.Restore(store.Options{Dir: there.in(integrationsDir), Key: key}, pages); err != nil {
		return storage.Restored{}, err
	}
	if err := there.writeKeycheck(keycheckOf(key)); err != nil {
		return storage.Restored{}, fmt.Errorf("making the storage: %w", err)
	}
	opened, err := openBackend(ctx, dir, key, s.logger())
	if err != nil {
		return storage.Restored{}, err
	}
	restored, err := opened.restored(ctx)
	restored.Created = in.Manifest.Created
	return restored, errors.Join(err, opened.Close())
}

// restoreEvents writes the segments of a backup, durably, and returns what
// comes behind them.
func restoreEvents(dir string, in *backup.Reader) (backup.Entry, error) {
	for {
		entry, err := in.Next()
		if err != nil || entry.Segment == "" {
			return entry, err
		}
		path, ok := eventlog.SegmentPath(dir, entry.Segment)
		if !ok {
			return backup.Entry{}, backup.ErrDamaged
		}
		if err := writeFile(path, entry.Content); err != nil {
			return backup.Entry{}, fmt.Errorf("restoring events: %w", err)
		}
	}
}

func writeFile(path string, content io.Reader) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, content)
	if err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}

// restorePages yields the pages of integrations from an entry on.
func restorePages(in *backup.Reader, entry backup.Entry) iter.Seq2[store.Page, error] {
	return func(yield func(store.Page, error) bool) {
		var err error
		for err == nil {
			var page store.Page
			if json.Unmarshal(entry.Page, &page) != nil {
				err = backup.ErrDamaged
				break
			}
			if !yield(page, nil) {
				return
			}
			entry, err = in.Next()
		}
		if !errors.Is(err, io.EOF) {
			yield(store.Page{}, err)
		}
	}
}

// restored counts what is there.
func (b *backend) restored(ctx context.Context) (storage.Restored, error) {
	counts := b.events.Counts()
	restored := storage.Restored{
		Pending: counts.Pending,
		Failed:  counts.Failed,
		Damaged: b.events.Health().State == "corrupt",
	}
	for page, err := range b.integrations.Export(ctx) {
		if err != nil {
			return storage.Restored{}, err
		}
		for _, in := range page.Integrations {
			if !in.Deleted {
				restored.Integrations++
			}
		}
	}
	return restored, nil
}

// moveFrom puts the storage in place.
func (s *Storage) moveFrom(aside string) error {
	err := os.Remove(s.path) // an empty directory, if anything
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err == nil {
		err = os.Rename(aside, s.path)
	}
	if err == nil {
		err = fsutil.SyncDir(filepath.Dir(s.path))
	}
	if err != nil {
		return fmt.Errorf("putting the storage in place: %w", err)
	}
	return nil
}

// RotateKey implements storage.KeyRotator.
func (s *Storage) RotateKey() (path, id string, err error) {
	if s.key != nil {
		return "", "", fmt.Errorf("the key %s is configured: put a new one in front of it there, and restart", s.keyName())
	}
	key, err := seal.RotateKeyFile(s.keyPath())
	if errors.Is(err, fs.ErrNotExist) {
		return "", "", fmt.Errorf("no key exists at %s yet; it is created with the storage", s.keyPath())
	}
	if err != nil {
		return "", "", err
	}
	return s.keyPath(), key.IDs()[0], nil
}

// untilDone ends a stream with its context.
type untilDone struct {
	ctx context.Context
	r   io.Reader
}

// Read implements io.Reader.
func (u untilDone) Read(buf []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.r.Read(buf)
}

// Interface guards
var (
	_ storage.Restorer   = (*Storage)(nil)
	_ storage.KeyRotator = (*Storage)(nil)
)
