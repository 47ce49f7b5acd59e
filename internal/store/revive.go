package store

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"go.uber.org/zap"

	"github.com/hookgate/hookgate/internal/fsutil"
	"github.com/hookgate/hookgate/module/storage"
)

// reviveAfter is how long the store is left alone after a failed write.
const reviveAfter = 10 * time.Second

// fail records that a write has failed. What is on the disk is then unknown,
// and another sync would not tell: nothing is written to the database any more.
// It can be read.
func (s *Store) fail(cause error) {
	now := time.Now()
	s.failedAt.Store(&now)
	s.failing.Store(true)
	s.failed = fmt.Errorf("%w: writing integrations has failed and is being retried", storage.ErrUnavailable)
	s.revival = time.After(s.retry)
	s.logger.Error("writing integrations has failed; they can be read, and written again once the disk works",
		zap.Error(cause), zap.Duration("retry_in", s.retry))
}

// revive makes the store writable again after a failed write: everything that
// can be read is written to a fresh database, durably, and read back, before
// that replaces the current one. Until then no error loses anything.
func (s *Store) revive() {
	if err := s.tryRevive(); err != nil {
		s.revival = time.After(s.retry)
		s.logger.Warn("integrations cannot be written yet", zap.Error(err), zap.Duration("retry_in", s.retry))
		return
	}
	s.failed, s.revival = nil, nil
	s.count() // it was unknown which of the last writes count
	s.failing.Store(false)
	s.logger.Info("integrations can be written again")
}

func (s *Store) tryRevive() error {
	if s.db == nil {
		return s.reopen()
	}
	v, err := s.survey(true)
	if err == nil {
		err = s.copyAside(v)
	}
	if err != nil {
		return err
	}
	s.replacing.Lock()
	defer s.replacing.Unlock()
	return s.exchange()
}

// reopen opens the database that an earlier try has left closed.
func (s *Store) reopen() error {
	s.replacing.Lock()
	defer s.replacing.Unlock()
	if err := fsutil.SyncDir(filepath.Dir(s.dir)); err != nil {
		return err
	}
	if err := os.RemoveAll(s.aside()); err != nil {
		return fmt.Errorf("removing the replaced database: %w", err)
	}
	return s.openDatabase()
}
