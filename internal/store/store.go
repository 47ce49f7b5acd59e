// Package store keeps integrations in a Badger database of their own: sealed,
// indexed by project, and durable when a write is answered.
package store

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
	"go.uber.org/zap"

	"github.com/hookgate/hookgate/internal/fsutil"
	"github.com/hookgate/hookgate/internal/seal"
	"github.com/hookgate/hookgate/module/storage"
)

// Options configure a store.
type Options struct {
	// Dir is the store's directory. It is created if it does not exist; its parent
	// must exist.
	Dir string

	// Key seals what is stored.
	Key seal.Key

	Logger *zap.Logger // nil logs nothing

	// Beside is what the store knows about the events; nil if there are none.
	Beside Beside

	// space returns the free bytes of a directory's disk; tests set it.
	space func(dir string) (int64, error)
	// step is called between the steps of a rewrite, and after each check of
	// reserved IDs; tests set it.
	step func(name string)
	// retry is how long after a failed write the store is revived, and patience
	// how long it waits for a rewrite; forgetEvery is how often it checks reserved
	// IDs; tests set them.
	retry, patience, forgetEvery time.Duration
}

// Store is an open store. It implements storage.Integrations.
type Store struct {
	dir    string
	key    seal.Key
	logger *zap.Logger
	space  func(dir string) (int64, error)
	step   func(name string)
	lock   *os.File
	beside Beside

	retry, patience, forgetEvery time.Duration

	left <-chan error // from an abandoned copying goroutine

	// The database is replaced by the writing goroutine, which then holds this
	// lock, as others do while they read. It is nil while it cannot be opened.
	replacing sync.RWMutex
	db        *badger.DB

	// mark records the last acknowledged revision. If Badger meets a damaged byte
	// in its write-ahead log, it silently drops that record and all later ones.
	mark *fsutil.Mark

	// writes is read by one goroutine, which alone changes the fields below.
	writes  chan *write
	written sync.WaitGroup
	last    uint64 // the last revision
	grown   int64  // bytes written since the database was rewritten
	failed  error
	revival <-chan time.Time // when to try again after a failure

	usage usage

	failing  atomic.Bool // failed is set
	failedAt atomic.Pointer[time.Time]

	// open guards the database against use after it is closed.
	open   sync.RWMutex
	closed bool
}

// Open opens or creates a store. An error wraps storage.ErrUnavailable if the
// disk is too full, and storage.ErrCorrupt if something acknowledged is missing
// or the key is not the store's.
func Open(o Options) (*Store, error) {
	s := newStore(o)
	if err := s.start(); err != nil {
		return nil, fmt.Errorf("opening the store of integrations %s: %w", o.Dir, err)
	}
	s.written.Go(s.writeGroups)
	return s, nil
}

func newStore(o Options) *Store {
	s := &Store{
		dir: o.Dir, key: o.Key, logger: o.Logger, beside: o.Beside, space: o.space, step: o.step,
		writes: make(chan *write, maxGroup), usage: usage{ready: make(chan struct{})},
	}
	s.retry, s.patience, s.forgetEvery = cmp.Or(o.retry, reviveAfter), cmp.Or(o.patience, maxRewrite), cmp.Or(o.forgetEvery, forgetEvery)
	if s.logger == nil {
		s.logger = zap.NewNop()
	}
	if s.space == nil {
		s.space = fsutil.Free
	}
	if s.step == nil {
		s.step = func(string) {}
	}
	return s
}

// start opens what is on the disk, exclusively for this process.
func (s *Store) start() (err error) {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return err
	}
	s.lock, err = fsutil.Lock(s.dir + ".lock")
	if errors.Is(err, fsutil.ErrLocked) {
		return errors.New("it is in use by another process; to change the configuration of a running server use `caddy reload`")
	}
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.closeDatabase(), s.lock.Close())
		}
	}()
	if err := os.RemoveAll(s.aside()); err != nil {
		return fmt.Errorf("removing the remains of a rewrite: %w", err)
	}
	if err := s.makeRoom(); err != nil {
		return err
	}
	if err := s.openDatabase(); err != nil {
		return err
	}
	if err := s.rewrite(); err != nil {
		return err
	}
	if err := s.keepReserve(); err != nil {
		return err
	}
	return fsutil.SyncDir(s.dir)
}

// openDatabase opens the database and checks that everything acknowledged is
// there. After an error it is closed.
func (s *Store) openDatabase() (err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, s.closeDatabase())
		}
	}()
	if s.db, err = openBadger(s.dir, s.logger, true); err != nil {
		return err
	}
	if s.mark, err = fsutil.OpenMark(s.markPath()); err != nil {
		return err
	}
	if s.last, err = s.lastRevision(); err != nil {
		return err
	}
	if acknowledged := s.mark.Read(); s.last < acknowledged {
		return fmt.Errorf("%w: its last write was number %d, but %d were acknowledged; restore a backup, or remove %s to continue without them",
			storage.ErrCorrupt, s.last, acknowledged, s.mark.Path())
	}
	return nil
}

func (s *Store) markPath() string { return filepath.Join(s.dir, markName) }

// markName is the name of a store's mark.
const markName = "acknowledged"

// Last returns the last revision.
func (s *Store) Last() (revision uint64, err error) {
	err = s.view(func(txn *badger.Txn) error {
		revision, err = s.revisionIn(txn)
		return err
	})
	return revision, err
}

// closeDatabase closes the parts of the database that are open.
func (s *Store) closeDatabase() error {
	var errs []error
	if s.mark != nil {
		errs = append(errs, s.mark.Close())
	}
	if s.db != nil {
		errs = append(errs, s.db.Close())
		fsutil.KeepPrivate(s.dir)
	}
	s.mark, s.db = nil, nil
	return errors.Join(errs...)
}

// memTableSize is about the size of a table of the database.
const memTableSize = 8 << 20

// openBadger opens a database with little memory: frequent lookups are cached
// by the caller.
func openBadger(dir string, logger *zap.Logger, syncWrites bool) (db *badger.DB, err error) {
	// Badger panics on some damaged files.
	defer func() {
		if cause := recover(); cause != nil {
			db, err = nil, fmt.Errorf("%w: %v", storage.ErrCorrupt, cause)
		}
	}()
	if err := checkTables(dir); err != nil {
		return nil, fmt.Errorf("%w: %w", storage.ErrCorrupt, err)
	}
	o := badger.DefaultOptions(dir).
		WithLogger(badgerLogger{logger.Sugar()}).
		WithMetricsEnabled(false).
		WithSyncWrites(syncWrites).
		WithDetectConflicts(false). // one goroutine writes
		WithChecksumVerificationMode(options.OnTableAndBlockRead).
		WithCompression(options.None). // sealed values do not shrink
		WithBlockCacheSize(0).
		WithMemTableSize(memTableSize).
		WithNumMemtables(2).
		// Badger (4.9.6) treats a table that a compaction could not write, for lack
		// of a file or a sync, as unnecessary, and deletes what it was made from:
		// without compactions nothing is deleted. A table is added by each 8 MiB of
		// writes, and by each start after a write, until everything is rewritten.
		WithNumCompactors(0).
		WithNumLevelZeroTablesStall(math.MaxInt).
		// All values are below the threshold and stay out of the value log, whose
		// sync errors Badger only logs.
		WithValueThreshold(maxValue + maxOverhead).
		WithValueLogFileSize(1 << 20)
	if db, err = badger.Open(o); err != nil {
		return nil, err // a database returned with an error cannot be closed
	}
	fsutil.KeepPrivate(dir)
	return db, nil
}

// Close waits for what is in progress and closes the database.
func (s *Store) Close() error {
	s.open.Lock()
	defer s.open.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	close(s.writes)
	s.written.Wait()
	err := s.roomToClose()
	if err != nil {
		// The lock stays until the process ends. Nothing is lost.
		if s.mark != nil {
			err = errors.Join(err, s.mark.Close())
		}
	} else {
		err = errors.Join(s.closeDatabase(), s.lock.Close())
	}
	if err != nil {
		return fmt.Errorf("closing the store of integrations: %w", err)
	}
	return nil
}

// enter keeps the store open until leave.
func (s *Store) enter() error {
	s.open.RLock()
	if s.closed {
		s.open.RUnlock()
		return fmt.Errorf("%w: it is closed", storage.ErrUnavailable)
	}
	return nil
}

func (s *Store) leave() { s.open.RUnlock() }

// Health returns the state of the store: "ok", "full", "failed" (until it can
// be written again) or "closed".
func (s *Store) Health() (health storage.Health) {
	if s.enter() != nil {
		return storage.Health{State: "closed"}
	}
	defer s.leave()
	health.State = "ok"
	if at := s.failedAt.Load(); at != nil {
		health.FailedAt = *at
	}
	switch {
	case s.failing.Load():
		health.State = "failed"
	case s.roomy() != nil:
		health.State = "full"
	}
	return health
}

// Disk returns the space that the store takes, as of the last minute, and what
// is left of the disk.
func (s *Store) Disk() (disk storage.Disk) {
	if s.enter() != nil {
		return disk
	}
	defer s.leave()
	disk.FreeBytes, _ = s.space(s.dir) // roomy reports the error
	s.replacing.RLock()
	defer s.replacing.RUnlock()
	if s.db != nil {
		tree, values := s.db.Size()
		disk.SizeBytes = tree + values
	}
	return disk
}

// badgerLogger passes on Badger's messages, except for chatter.
type badgerLogger struct{ *zap.SugaredLogger }

func (l badgerLogger) Warningf(format string, args ...any) { l.Warnf(clean(format), args...) }
func (l badgerLogger) Errorf(format string, args ...any) {
	l.SugaredLogger.Errorf(clean(format), args...)
}
func (l badgerLogger) Infof(format string, args ...any) {
	l.SugaredLogger.Debugf(clean(format), args...)
}
func (l badgerLogger) Debugf(format string, args ...any) {}

func clean(format string) string { return "store of integrations: " + strings.TrimSpace(format) }
