package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"os"
	"path/filepath"
	"time"

	"github.com/dgraph-io/badger/v4"
	"go.uber.org/zap"

	"github.com/hookgate/hookgate/internal/fsutil"
	"github.com/hookgate/hookgate/internal/seal"
)

// A database that is never compacted grows with each write and each start. So
// its live records are written into a fresh one, at a start and after many
// writes, if that is worthwhile: beside the database, read back, and exchanged
// with it in one step. So whatever is beside the database at a start can always
// be deleted.
const (
	// fewTables and fewBytes are not worth a rewrite.
	fewTables = 16
	fewBytes  = 16 << 20

	// fewWrites plus twice the live records is how many bytes are written before
	// checking again whether a rewrite is worthwhile.
	fewWrites = 64 << 20

	// maxRewrite is how long to wait for a rewrite before the store continues with
	// the database as it is.
	maxRewrite = time.Minute

	// chunkSize bounds in bytes what is read at a time, unless one record is
	// larger.
	chunkSize = 1 << 20
)

var errLate = errors.New("the disk is too slow")

// entry is a record as it is in the database.
type entry struct{ key, value []byte }

// sum distinguishes the contents of two databases.
type sum struct {
	hash    hash.Hash
	records int
}

func newSum() *sum { return &sum{hash: sha256.New()} }

func (s *sum) add(e entry) {
	s.records++
	_, _ = s.hash.Write(binary.AppendUvarint(nil, uint64(len(e.key)))) // a hash has no errors
	_, _ = s.hash.Write(e.key)
	_, _ = s.hash.Write(binary.AppendUvarint(nil, uint64(len(e.value))))
	_, _ = s.hash.Write(e.value)
}

func (s *sum) equals(other *sum) bool {
	return s.records == other.records && bytes.Equal(s.hash.Sum(nil), other.hash.Sum(nil))
}

// survey is what a database contains.
type survey struct {
	tables   int
	stored   int64 // bytes of the tables
	records  int
	live     int64 // bytes of the records
	replaced bool  // one of them is sealed with a replaced key
}

// worth reports whether a rewrite gains more than it costs: it removes most
// tables or bytes, or what a replaced key has sealed.
func (v survey) worth() bool {
	needed := int(v.live/memTableSize) + 1
	return v.replaced || v.tables > fewTables+2*needed || v.stored > fewBytes+2*v.live
}

// survey examines the tables, and the records if all is set or a rewrite may be
// worthwhile.
func (s *Store) survey(all bool) (v survey, err error) {
	for _, table := range s.db.Tables() {
		v.tables++
		v.stored += int64(table.OnDiskSize)
	}
	several := len(s.key.IDs()) > 1
	if v.tables <= fewTables && v.stored <= fewBytes && !several && !all {
		return v, nil
	}
	err = s.db.View(func(txn *badger.Txn) error {
		it := txn.NewIterator(badger.IteratorOptions{})
		defer it.Close()
		for it.Rewind(); it.Valid(); it.Next() {
			v.records++
			v.live += it.Item().EstimatedSize()
			if !several || v.replaced {
				continue
			}
			if err := it.Item().Value(func(sealed []byte) error {
				v.replaced = s.isReplaced(sealed)
				return nil
			}); err != nil {
				return err
			}
		}
		return nil
	})
	return v, err
}

// isReplaced reports whether a value is sealed with another key than the
// current one. An empty value is not sealed.
func (s *Store) isReplaced(value []byte) bool {
	return len(value) > 0 && seal.SealedBy(value) != s.key.ID()
}

// rewrite rewrites the database if that is worthwhile and possible. It fails
// only if the store cannot be used afterwards.
func (s *Store) rewrite() error {
	v, err := s.survey(false)
	if err == nil && !v.worth() {
		return nil
	}
	began := time.Now()
	if err == nil {
		err = s.copyAside(v)
	}
	if err != nil {
		s.logger.Warn("the integration store cannot be rewritten; it stays as it is, and takes more space than it needs", zap.Error(err))
		return nil
	}
	if err := s.exchange(); err != nil {
		return err
	}
	s.logger.Info("rewrote the integration store",
		zap.Int("records", v.records), zap.Int64("bytes", v.live), zap.Int64("bytes_before", v.stored),
		zap.Int("tables_before", v.tables), zap.Duration("took", time.Since(began)))
	return nil
}

// aside is where a database is rewritten, and where the former one goes.
func (s *Store) aside() string { return s.dir + ".rewrite" }

// copyAside creates the new database and compares it with the current one.
func (s *Store) copyAside(v survey) (err error) {
	if err := s.need(v.live + v.live/8 + floor + flushRoom); err != nil {
		return err
	}
	if err := s.forgetLeft(); err != nil {
		return err
	}
	late := make(chan struct{})
	defer time.AfterFunc(s.patience, func() { close(late) }).Stop()
	s.step("begun")
	chunks, made := make(chan []entry), make(chan error, 1)
	// Badger waits for ever if it cannot write a table. The copying goroutine is
	// then abandoned; it holds no reference to the live database.
	go func() {
		made <- s.makeAside(chunks)
		close(made)
	}()
	var written *sum
	written, err = s.sendAll(late, chunks, made)
	select {
	case failed := <-made:
		err = errors.Join(err, failed)
	case <-late:
		s.left = made
		return errLate
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(s.aside()))
		}
	}()
	if err != nil {
		return err
	}
	s.step("made")
	// An iterator that meets damage ends silently.
	if err := s.db.VerifyChecksum(); err != nil {
		return fmt.Errorf("checking what was read: %w", err)
	}
	if written.records != v.records {
		return fmt.Errorf("%d of %d records were read", written.records, v.records)
	}
	found, err := s.sumAside()
	if err != nil {
		return fmt.Errorf("reading the new database back: %w", err)
	}
	if !found.equals(written) {
		return fmt.Errorf("%d records were written, but %d, or different ones, were read back", written.records, found.records)
	}
	return nil
}

// forgetLeft removes what an abandoned goroutine has created. While it is still
// running there can be no other.
func (s *Store) forgetLeft() error {
	if s.left == nil {
		return nil
	}
	select {
	case err := <-s.left:
		s.left = nil
		s.logger.Info("the new database of integrations was created too late, or not at all", zap.Error(err))
		return os.RemoveAll(s.aside())
	default:
		return fmt.Errorf("writing another database: %w", errLate)
	}
}

// sendAll reads all records, reseals those sealed with a replaced key, and
// sends them to be written, until made reports that they are not.
func (s *Store) sendAll(late <-chan struct{}, chunks chan<- []entry, made <-chan error) (*sum, error) {
	defer close(chunks)
	sent := newSum()
	var chunk []entry
	size := 0
	flush := func() error {
		s.step("chunk")
		select {
		case chunks <- chunk:
			chunk, size = nil, 0
			return nil
		case err := <-made:
			return err
		case <-late:
			return errLate
		}
	}
	err := s.db.View(func(txn *badger.Txn) error {
		it := txn.NewIterator(badger.IteratorOptions{})
		defer it.Close()
		for it.Rewind(); it.Valid(); it.Next() {
			e, err := s.entry(it.Item())
			if err != nil {
				return err
			}
			sent.add(e)
			chunk = append(chunk, e)
			if size += len(e.key) + len(e.value); size >= chunkSize {
				if err := flush(); err != nil {
					return err
				}
			}
		}
		return flush()
	})
	return sent, err
}

// entry reads a record, sealed with the current key.
func (s *Store) entry(item *badger.Item) (e entry, err error) {
	e.key = item.KeyCopy(nil)
	if e.value, err = item.ValueCopy(nil); err != nil || !s.isReplaced(e.value) {
		return e, err
	}
	plain, err := s.key.Open(purpose, e.key, e.value)
	if err != nil {
		return e, fmt.Errorf("reading the record %q: %w", e.key, err)
	}
	e.value = s.key.Seal(purpose, e.key, plain)
	return e, nil
}

// makeAside writes a database, durably.
func (s *Store) makeAside(chunks <-chan []entry) error {
	if err := os.Mkdir(s.aside(), 0o700); err != nil {
		return err
	}
	s.step("making")
	// The files are synced when they are complete.
	db, err := openBadger(s.aside(), s.logger, false)
	if err != nil {
		return err
	}
	batch := db.NewWriteBatch()
	for chunk := range chunks {
		for _, e := range chunk {
			if err == nil {
				err = batch.Set(e.key, e.value)
			}
		}
	}
	if err == nil {
		err = batch.Flush()
	} else {
		batch.Cancel()
	}
	if err = errors.Join(err, db.Close()); err != nil {
		return err
	}
	m, err := fsutil.OpenMark(filepath.Join(s.aside(), markName))
	if err != nil {
		return err
	}
	if err := errors.Join(m.Write(s.last), m.Close()); err != nil {
		return err
	}
	return syncAll(s.aside())
}

// syncAll makes the files of a directory and their names durable.
func syncAll(dir string) error {
	names, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		file, err := os.Open(filepath.Join(dir, name.Name()))
		if err != nil {
			return err
		}
		if err := errors.Join(file.Sync(), file.Close()); err != nil {
			return err
		}
	}
	return errors.Join(fsutil.SyncDir(dir), fsutil.SyncDir(filepath.Dir(dir)))
}

// sumAside opens the new database and reads it.
func (s *Store) sumAside() (_ *sum, err error) {
	db, err := openBadger(s.aside(), s.logger, true)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	found := newSum()
	return found, db.View(func(txn *badger.Txn) error {
		it := txn.NewIterator(badger.IteratorOptions{})
		defer it.Close()
		for it.Rewind(); it.Valid(); it.Next() {
			key := it.Item().Key()
			if err := it.Item().Value(func(value []byte) error {
				found.add(entry{key, value})
				return nil
			}); err != nil {
				return err
			}
		}
		return nil
	})
}

// exchange puts the new database in the place of the current one and opens it.
// Whenever it is interrupted, one of them is whole and in place. On a file
// system that cannot exchange two directories, the current one stays.
func (s *Store) exchange() error {
	s.step("verified")
	if err := s.closeDatabase(); err != nil {
		// All of it is in the new one.
		s.logger.Warn("the former database of integrations cannot be closed cleanly", zap.Error(err))
	}
	s.step("closed")
	if err := fsutil.Exchange(s.aside(), s.dir); err != nil {
		s.logger.Warn("the integration store was rewritten but cannot be put in place; it stays as it is", zap.Error(err))
	} else if err := fsutil.SyncDir(filepath.Dir(s.dir)); err != nil {
		return err // after a power cut either may be there: keep both
	}
	s.step("exchanged")
	if err := os.RemoveAll(s.aside()); err != nil {
		return fmt.Errorf("removing the replaced database: %w", err)
	}
	s.step("removed")
	return s.openDatabase()
}
