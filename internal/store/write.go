package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/dgraph-io/badger/v4"

	"github.com/hookgate/hookgate/internal/fsutil"
	"github.com/hookgate/hookgate/module/storage"
)

// write is a write on its way to the writing goroutine.
type write struct {
	record
	kind     kind
	expected uint64     // revision; of put and reseal
	answer   chan error // of one
}

// kind is what to do with a record.
type kind int

const (
	put    kind = iota
	reseal      // reseal it, whatever it contains now
	markUsed
	noteEvents // only note the position of the events
)

// The limits of a group: Badger accepts less than 1.2 MB in one transaction.
const (
	maxGroup      = 64
	maxGroupBytes = 900 << 10
)

// Put implements storage.Integrations. Its context cannot cancel it once the
// write has begun.
func (s *Store) Put(ctx context.Context, in storage.Integration, expected uint64) (uint64, error) {
	if err := check(in); err != nil {
		return 0, err
	}
	w := &write{record: record{Integration: in}, kind: put, expected: expected}
	err := s.submitFor(ctx, w)
	return w.Revision, err
}

// MarkUsed implements storage.Integrations.
func (s *Store) MarkUsed(ctx context.Context, webhookID string) error {
	return s.submitFor(ctx, &write{record: record{Integration: storage.Integration{WebhookID: webhookID}}, kind: markUsed})
}

// submitFor is submit for a caller that may leave before the write has begun.
func (s *Store) submitFor(ctx context.Context, w *write) error {
	err := s.submit(ctx.Done(), w)
	if errors.Is(err, errLeft) {
		return ctx.Err()
	}
	return err
}

// errLeft means that nobody waits for the write any more.
var errLeft = errors.New("the write was canceled")

// submit passes a write to the writing goroutine and waits for its answer.
func (s *Store) submit(left <-chan struct{}, w *write) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	w.answer = make(chan error, 1)
	select {
	case s.writes <- w:
	case <-left:
		return errLeft
	}
	err := <-w.answer
	if err != nil {
		w.Revision = 0
	}
	return err
}

// check refuses what cannot be stored.
func check(in storage.Integration) error {
	if len(in.Value) > maxValue || len(in.WebhookID) > maxName || len(in.Project) > maxName ||
		in.WebhookID == "" || strings.Contains(in.Project+in.WebhookID, "\x00") {
		return fmt.Errorf("writing an integration: its value of %d bytes is too large, or its webhook ID or project cannot be stored", len(in.Value))
	}
	return nil
}

// writeGroups repeatedly writes everything waiting in one transaction: the sync
// of one write then serves everything that arrived during the previous one.
func (s *Store) writeGroups() {
	s.count()
	forget := time.NewTimer(min(forgetFirst, s.forgetEvery))
	defer forget.Stop()
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
			case <-forget.C:
				s.forget()
				forget.Reset(s.forgetEvery)
				continue
			}
		}
		group, next = s.gather(group)
		s.commit(group)
		s.renew()
	}
}

// gather adds waiting writes to a group; next is one that did not fit.
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
	t := s.begin()
	defer t.Discard()
	errs := make([]error, len(group))
	for i, w := range group {
		if errs[i] = t.write(w); errs[i] != nil && errors.Is(errs[i], errNotWritten) {
			return nil, errs[i]
		}
	}
	return errs, t.end()
}

// errNotWritten is an error of the database.
var errNotWritten = errors.New("the database does not accept it")

// transaction is a group of writes, and their results.
type transaction struct {
	*badger.Txn
	store *Store

	last    uint64                              // revision
	changed bool                                // something has to be written
	usage   map[string]storage.IntegrationUsage // what is added, by project
	bytes   int64                               // that are written
}

func (s *Store) begin() *transaction {
	return &transaction{Txn: s.db.NewTransaction(true), store: s, last: s.last, usage: make(map[string]storage.IntegrationUsage)}
}

// write adds one write, or returns why it is refused.
func (t *transaction) write(w *write) error {
	if w.kind == noteEvents {
		t.changed = true // done by end
		return nil
	}
	stored, err := t.store.get(t.Txn, w.WebhookID)
	if errors.Is(err, storage.ErrNotFound) {
		stored, err = record{}, nil
	}
	if err != nil {
		return read(w.WebhookID, err)
	}
	switch w.kind {
	case put:
		if stored.Revision != w.expected {
			return storage.ErrConflict
		}
		w.Unused = w.Unused && (stored.Revision == 0 || stored.Unused)
		if w.forgettable() {
			w.Since = t.store.now()
		}
		w.Revision = t.last + 1
		if err := t.check(&stored, &w.record); err != nil {
			return err
		}
	case reseal:
		if stored.Revision != w.expected {
			return storage.ErrConflict
		}
		w.record = stored
	case markUsed:
		if !stored.Unused {
			return nil
		}
		w.record = stored
		w.Unused, w.Since = false, 0
	}
	return t.replace(&stored, &w.record)
}

// replace writes a record over another one, whose revision is 0 if it does not
// exist.
func (t *transaction) replace(stored, next *record) error {
	if stored.Revision != 0 && !stored.Deleted && stored.Project != next.Project {
		if err := t.delete(projectKey(stored.Project, stored.WebhookID)); err != nil {
			return err
		}
	}
	if stored.Since != 0 && stored.Since != next.Since {
		if err := t.delete(forgetKey(stored.Since, stored.WebhookID)); err != nil {
			return err
		}
	}
	if err := t.store.set(t.Txn, next); err != nil {
		return fmt.Errorf("%w: %w: %w", storage.ErrUnavailable, errNotWritten, err)
	}
	t.changed = true
	t.last = max(t.last, next.Revision)
	t.count(stored, next)
	return nil
}

func (t *transaction) delete(key []byte) error {
	if err := t.Delete(key); err != nil {
		return fmt.Errorf("%w: %w: %w", storage.ErrUnavailable, errNotWritten, err)
	}
	t.changed = true
	return nil
}

// end makes the transaction durable, if there is anything in it.
func (t *transaction) end() error {
	if !t.changed {
		return nil
	}
	s := t.store
	err := s.setRevision(t.Txn, t.last)
	if err == nil {
		err = s.setPlace(t.Txn)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", storage.ErrUnavailable, err)
	}
	if err := s.persist(t.Txn, t.last); err != nil {
		// What is on disk is now unknown, and another sync would not tell.
		s.fail(err)
		return s.failed
	}
	s.last = t.last
	s.counted(t)
	return nil
}

// persist makes a transaction durable, and the fact that it was acknowledged:
// the write, the names of files that Badger began, the mark.
func (s *Store) persist(txn *badger.Txn, last uint64) error {
	if err := txn.Commit(); err != nil {
		return err
	}
	fsutil.KeepPrivate(s.dir)
	if err := fsutil.SyncDir(s.dir); err != nil {
		return err
	}
	if err := s.mark.Write(last); err != nil {
		return err
	}
	if s.beside != nil && last != s.last {
		s.beside.Noted(last)
	}
	return nil
}
