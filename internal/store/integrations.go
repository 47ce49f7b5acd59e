package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/dgraph-io/badger/v4"

	"github.com/hookgate/hookgate/internal/disk"
	"github.com/hookgate/hookgate/module/storage"
)

// Get implements storage.Integrations.
func (s *Store) Get(_ context.Context, webhookID string) (in storage.Integration, err error) {
	if err := s.enter(); err != nil {
		return storage.Integration{}, err
	}
	defer s.leave()
	err = s.view(func(txn *badger.Txn) error {
		in, err = s.get(txn, webhookID)
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

// read says of what a lookup failed.
func read(webhookID string, err error) error {
	if err == nil || errors.Is(err, storage.ErrNotFound) {
		return err
	}
	return fmt.Errorf("reading the integration %s: %w", webhookID, err)
}

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
			in, err := s.get(txn, webhookID)
			if err != nil {
				return read(webhookID, err)
			}
			list = append(list, in)
			size += len(in.Value)
		}
		return ctx.Err()
	})
	return list, err
}

// write is one call of Put on its way to the writing goroutine, or one record
// that is sealed anew and keeps its revision.
type write struct {
	storage.Integration
	expected uint64
	reseal   bool
	answer   chan error // of one
}

// The bounds of a group: Badger takes less than 1.2 MB in one transaction.
const (
	maxGroup      = 64
	maxGroupBytes = 900 << 10
)

// Put implements storage.Integrations. It is not cut short by its context
// once the write has begun.
func (s *Store) Put(ctx context.Context, in storage.Integration, expected uint64) (uint64, error) {
	if err := s.enter(); err != nil {
		return 0, err
	}
	defer s.leave()
	if err := check(in); err != nil {
		return 0, err
	}
	w := &write{Integration: in, expected: expected, answer: make(chan error, 1)}
	select {
	case s.writes <- w:
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	if err := <-w.answer; err != nil {
		return 0, err
	}
	return w.Revision, nil
}

// check refuses what cannot be stored.
func check(in storage.Integration) error {
	if len(in.Value) > maxValue || len(in.WebhookID) > maxName || len(in.Project) > maxName ||
		in.WebhookID == "" || strings.Contains(in.Project+in.WebhookID, "\x00") {
		return fmt.Errorf("writing an integration: its value of %d bytes is too large, or its webhook ID or project cannot be stored", len(in.Value))
	}
	return nil
}

// writeGroups writes what waits in one transaction, again and again: the sync
// of one write then serves all that came during the one before.
func (s *Store) writeGroups() {
	var next *write
	for {
		group := []*write{next}
		if next == nil {
			select {
			case w, ok := <-s.writes:
				if !ok {
					return
				}
				group[0] = w
			case <-s.revival:
				s.revive()
				continue
			}
		}
		group, next = s.gather(group)
		s.commit(group)
	}
}

// gather adds to a group what waits; next is what did not fit.
func (s *Store) gather(group []*write) (_ []*write, next *write) {
	size := len(group[0].Value) + maxOverhead
	for len(group) < maxGroup {
		select {
		case w, ok := <-s.writes:
			if !ok {
				return group, nil
			}
			if size += len(w.Value) + maxOverhead; size > maxGroupBytes {
				return group, w
			}
			group = append(group, w)
		default:
			return group, nil
		}
	}
	return group, nil
}

// commit writes a group and answers it.
func (s *Store) commit(group []*write) {
	errs, err := s.tryCommit(group)
	for i, w := range group {
		if err != nil {
			w.answer <- err
			continue
		}
		w.answer <- errs[i]
	}
}

// tryCommit returns the refusal of each write of a group, or the error of the
// group as a whole.
func (s *Store) tryCommit(group []*write) ([]error, error) {
	if s.failed != nil {
		return nil, s.failed
	}
	if err := s.roomy(); err != nil {
		return nil, err
	}
	txn := s.db.NewTransaction(true)
	defer txn.Discard()
	errs, last, changed := make([]error, len(group)), s.last, false
	for i, w := range group {
		if errs[i] = s.compare(txn, w); errs[i] != nil {
			continue
		}
		if changed = true; !w.reseal {
			last++
			w.Revision = last
		}
		if err := s.set(txn, w.Integration); err != nil {
			return nil, fmt.Errorf("%w: %w", storage.ErrUnavailable, err)
		}
	}
	if !changed {
		return errs, nil
	}
	if err := s.setRevision(txn, last); err != nil {
		return nil, fmt.Errorf("%w: %w", storage.ErrUnavailable, err)
	}
	if err := s.persist(txn, last); err != nil {
		// What is on disk is not known now, and to sync again would not tell.
		s.fail(err)
		return nil, s.failed
	}
	s.last = last
	return errs, nil
}

// compare holds a write against what is stored, and takes what changes its
// project out of the listing of the former one.
func (s *Store) compare(txn *badger.Txn, w *write) error {
	stored, err := s.get(txn, w.WebhookID)
	if errors.Is(err, storage.ErrNotFound) {
		stored, err = storage.Integration{}, nil
	}
	if err != nil {
		return read(w.WebhookID, err)
	}
	if stored.Revision != w.expected {
		return storage.ErrConflict
	}
	if stored.Revision != 0 && !stored.Deleted && stored.Project != w.Project {
		return txn.Delete(projectKey(stored.Project, stored.WebhookID))
	}
	return nil
}

// persist makes a transaction durable, and that it was acknowledged: the
// write, the names of files that Badger began, the mark.
func (s *Store) persist(txn *badger.Txn, last uint64) error {
	if err := txn.Commit(); err != nil {
		return err
	}
	if err := disk.SyncDir(s.dir); err != nil {
		return err
	}
	return s.mark.write(last)
}
