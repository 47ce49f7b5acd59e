package store

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/dgraph-io/badger/v4"

	"github.com/hookgate/hookgate/internal/seal"
	"github.com/hookgate/hookgate/module/storage"
)

// Page is a part of a store's contents: its integrations, including deleted
// ones, in the order of their webhook IDs.
type Page struct {
	Integrations []record
	// Last is at least the largest revision assigned before the page was read.
	Last uint64
}

// pageSize bounds a page, in bytes of its values, unless one is larger.
const pageSize = 512 << 10

// Export yields all integrations, page by page. Each integration is as it was
// at some moment during the export; nothing is blocked between two pages.
func (s *Store) Export(ctx context.Context) iter.Seq2[Page, error] {
	return s.pages(ctx, func([]byte) bool { return true })
}

// pages yields the integrations whose sealed form is wanted.
func (s *Store) pages(ctx context.Context, want func(sealed []byte) bool) iter.Seq2[Page, error] {
	return func(yield func(Page, error) bool) {
		next := []byte{prefixIntegration}
		for next != nil {
			page, after, err := s.page(ctx, next, want)
			if err != nil {
				yield(Page{}, fmt.Errorf("reading all integrations: %w", err))
				return
			}
			if !yield(page, nil) {
				return
			}
			next = after
		}
	}
}

// page reads from a key on; next is where the following page begins, nil at the
// end.
func (s *Store) page(ctx context.Context, from []byte, want func(sealed []byte) bool) (page Page, next []byte, err error) {
	if err := s.enter(); err != nil {
		return Page{}, nil, err
	}
	defer s.leave()
	err = s.view(func(txn *badger.Txn) error {
		it := txn.NewIterator(badger.IteratorOptions{Prefix: []byte{prefixIntegration}})
		defer it.Close()
		size := 0
		for it.Seek(from); it.Valid(); it.Next() {
			if err := ctx.Err(); err != nil {
				return err
			}
			key := it.Item().KeyCopy(nil)
			if size >= pageSize {
				next = key
				break
			}
			wanted := false
			if err := it.Item().Value(func(sealed []byte) error {
				wanted = want(sealed)
				return nil
			}); err != nil {
				return read(string(key[1:]), fmt.Errorf("%w: %w", storage.ErrCorrupt, err))
			}
			if !wanted {
				size += len(key)
				continue
			}
			r, err := s.get(txn, string(key[1:]))
			if err != nil {
				return read(string(key[1:]), err)
			}
			page.Integrations = append(page.Integrations, r)
			size += len(r.Value) + maxName
		}
		page.Last, err = s.revisionIn(txn)
		return err
	})
	return page, next, err
}

// Reseal seals what a replaced key has sealed with the current one. It may run
// while the store is in use, and be stopped and restarted at any time; when it
// returns nil, no replaced key is needed any more.
func (s *Store) Reseal(ctx context.Context) error {
	present := s.key.ID()
	for page, err := range s.pages(ctx, func(sealed []byte) bool { return seal.SealedBy(sealed) != present }) {
		if err != nil {
			return err
		}
		if err := s.reseal(ctx, page); err != nil {
			return fmt.Errorf("sealing integrations with the current key: %w", err)
		}
	}
	return nil
}

func (s *Store) reseal(ctx context.Context, page Page) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	var sent []*write
	err := ctx.Err()
	for _, r := range page.Integrations {
		w := &write{record: r, kind: reseal, expected: r.Revision, answer: make(chan error, 1)}
		select {
		case s.writes <- w:
			sent = append(sent, w)
		case <-ctx.Done():
			err = ctx.Err()
		}
		if err != nil {
			break
		}
	}
	for _, w := range sent {
		// A conflict means that the integration has been written since, and so
		// sealed.
		if failed := <-w.answer; !errors.Is(failed, storage.ErrConflict) && err == nil {
			err = failed
		}
	}
	return err
}

// Restore creates a store from what Export has yielded, in a directory without
// one.
func Restore(o Options, pages iter.Seq2[Page, error]) (err error) {
	s := newStore(o)
	if err := s.start(); err != nil {
		return fmt.Errorf("creating the store of integrations %s: %w", o.Dir, err)
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if s.last != 0 {
		return fmt.Errorf("the store of integrations %s is not empty", o.Dir)
	}
	for page, err := range pages {
		if err != nil {
			return err
		}
		if err := s.restore(page); err != nil {
			return fmt.Errorf("restoring integrations: %w", err)
		}
	}
	return nil
}

func (s *Store) restore(page Page) error {
	s.last = max(s.last, page.Last)
	for len(page.Integrations) > 0 {
		if err := s.roomy(); err != nil {
			return err
		}
		n, err := s.restoreGroup(page.Integrations)
		if err != nil {
			return err
		}
		page.Integrations = page.Integrations[n:]
	}
	return nil
}

// restoreGroup writes as many as fit into one transaction.
func (s *Store) restoreGroup(list []record) (n int, err error) {
	txn := s.db.NewTransaction(true)
	defer txn.Discard()
	for size := 0; n < min(len(list), maxGroup); n++ {
		if size += len(list[n].Value) + maxOverhead; n > 0 && size > maxGroupBytes {
			break
		}
		if err := check(list[n].Integration); err != nil {
			return 0, err
		}
		s.last = max(s.last, list[n].Revision)
		if err := s.set(txn, &list[n]); err != nil {
			return 0, err
		}
	}
	if err := s.setRevision(txn, s.last); err != nil {
		return 0, err
	}
	return n, s.persist(txn, s.last)
}
