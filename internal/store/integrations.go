package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/dgraph-io/badger/v4"

	"github.com/hookgate/hookgate/module/storage"
)

// Get implements storage.Integrations.
func (s *Store) Get(_ context.Context, webhookID string) (in storage.Integration, err error) {
	if err := s.enter(); err != nil {
		return storage.Integration{}, err
	}
	defer s.leave()
	err = s.view(func(txn *badger.Txn) error {
		found, err := s.get(txn, webhookID)
		in = found.Integration
		return err
	})
	return in, read(webhookID, err)
}

// view reads in one transaction.
func (s *Store) view(fn func(txn *badger.Txn) error) error {
	s.replacing.RLock()
	defer s.replacing.RUnlock()
	if s.db == nil {
		return fmt.Errorf("%w: it cannot be opened again after a failure", storage.ErrUnavailable)
	}
	return s.db.View(fn)
}

// read wraps the error of a lookup.
func read(webhookID string, err error) error {
	if err == nil || errors.Is(err, storage.ErrNotFound) {
		return err
	}
	return fmt.Errorf("reading the integration %s: %w", webhookID, err)
}

// Changes implements storage.Integrations: no other process writes to the store.
func (s *Store) Changes(func(webhookID string)) (stop func(), err error) { return func() {}, nil }

// List implements storage.Integrations.
func (s *Store) List(ctx context.Context, project string, after storage.Place, limit int) (list []storage.Integration, err error) {
	if err := s.enter(); err != nil {
		return nil, err
	}
	defer s.leave()
	prefix := []byte{prefixProject}
	if project != "" {
		prefix = projectKey(project, "")
	}
	err = s.view(func(txn *badger.Txn) error {
		it := txn.NewIterator(badger.IteratorOptions{Prefix: prefix})
		defer it.Close()
		start := append(projectKey(after.Project, after.WebhookID), 0) // the next key
		if after == (storage.Place{}) || bytes.Compare(start, prefix) < 0 {
			start = prefix
		}
		size := 0
		for it.Seek(start); it.Valid() && len(list) < limit && size < pageSize && ctx.Err() == nil; it.Next() {
			_, webhookID, _ := strings.Cut(string(it.Item().Key()[1:]), "\x00")
			found, err := s.get(txn, webhookID)
			if err != nil {
				return read(webhookID, err)
			}
			list = append(list, found.Integration)
			size += len(found.Value)
		}
		return ctx.Err()
	})
	return list, err
}
