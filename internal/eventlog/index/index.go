// Package index keeps what can be rebuilt from the event log: small values by
// key, in Badger. It knows nothing of what they mean.
package index

import (
	"errors"
	"fmt"
	"os"

	"github.com/dgraph-io/badger/v4"
	badgeroptions "github.com/dgraph-io/badger/v4/options"
	"go.uber.org/zap"
)

// ErrNotFound means that there is no such key.
var ErrNotFound = badger.ErrKeyNotFound

// MaxValue bounds a value in bytes: larger ones would leave Badger's tree for
// its value log, which is not synced as carefully.
const MaxValue = 512 << 10

// Index is an open index.
type Index struct {
	db        *badger.DB
	dir       string
	allocated []string // write-ahead logs that have their blocks
}

// Open opens the index in a directory, or makes one, and verifies all of it. The
// key has 32 bytes.
func Open(dir string, key []byte, logger *zap.Logger) (*Index, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("opening the event index: %w", err)
	}
	if err := checkTables(dir); err != nil {
		return nil, fmt.Errorf("opening the event index: %w", err)
	}
	db, err := guard(func() (*badger.DB, error) { return badger.Open(options(dir, key, logger)) })
	if err != nil {
		return nil, fmt.Errorf("opening the event index: %w", err)
	}
	// An iterator ends silently at a damaged block, so there must be none.
	if _, err := guard(func() (*badger.DB, error) { return db, db.VerifyChecksum() }); err != nil {
		return nil, fmt.Errorf("verifying the event index: %w", errors.Join(err, db.Close()))
	}
	return &Index{db: db, dir: dir}, nil
}

func options(dir string, key []byte, logger *zap.Logger) badger.Options {
	return badger.DefaultOptions(dir).
		WithLogger(badgerLogger{logger.Sugar()}).
		WithMetricsEnabled(false).
		WithEncryptionKey(key).
		WithChecksumVerificationMode(badgeroptions.OnBlockRead).
		// The log does not look again at what the index has, so that must
		// survive a power cut; it is synced once for each large batch.
		WithSyncWrites(true).
		WithDetectConflicts(false). // there is one writer
		WithMemTableSize(4 << 20).
		WithNumMemtables(2).
		WithNumCompactors(2).
		WithBlockCacheSize(8 << 20).
		WithIndexCacheSize(8 << 20).
		WithValueThreshold(MaxValue + 1).
		WithValueLogFileSize(4 << 20)
}

// guard makes an error of the panic with which Badger meets some damage.
func guard(call func() (*badger.DB, error)) (db *badger.DB, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("the index is damaged: %v", cause)
		}
	}()
	return call()
}

// Close waits for what is under way.
func (x *Index) Close() error { return x.db.Close() }

// Size is the number of bytes in the tables.
func (x *Index) Size() (size int64) {
	for _, table := range x.db.Tables() {
		size += int64(table.OnDiskSize)
	}
	return size
}

// View is the index at one moment. It is used by one goroutine, and closed.
type View struct {
	txn *badger.Txn
}

// View returns what the index holds now.
func (x *Index) View() View { return View{x.db.NewTransaction(false)} }

// Close ends the view.
func (v View) Close() { v.txn.Discard() }

// Get passes the value to use, which must not keep it. Without the key it
// returns ErrNotFound.
func (v View) Get(key []byte, use func(value []byte) error) error {
	item, err := v.txn.Get(key)
	if errors.Is(err, badger.ErrKeyNotFound) {
		return ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("reading the event index: %w", err)
	}
	return item.Value(use)
}

// Has says whether there is the key.
func (v View) Has(key []byte) (bool, error) {
	_, err := v.txn.Get(key)
	if errors.Is(err, badger.ErrKeyNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("reading the event index: %w", err)
	}
	return true, nil
}

// Ascend passes each key that begins with prefix, and its value, to visit,
// which must keep neither, until visit returns false or an error.
func (v View) Ascend(prefix []byte, visit func(key, value []byte) (bool, error)) error {
	return v.scan(prefix, prefix, false, true, visit)
}

// Keys is Ascend without the values, which is quicker.
func (v View) Keys(prefix []byte, visit func(key []byte) (bool, error)) error {
	return v.scan(prefix, prefix, false, false, func(key, _ []byte) (bool, error) { return visit(key) })
}

// Descend is Ascend from the last key that is not above from, downwards.
func (v View) Descend(prefix, from []byte, visit func(key, value []byte) (bool, error)) error {
	return v.scan(prefix, from, true, true, visit)
}

func (v View) scan(prefix, from []byte, reverse, values bool, visit func(key, value []byte) (bool, error)) error {
	it := v.txn.NewIterator(badger.IteratorOptions{
		Prefix:         prefix,
		Reverse:        reverse,
		PrefetchValues: false, // they stand beside their keys
	})
	defer it.Close()
	for it.Seek(from); it.ValidForPrefix(prefix); it.Next() {
		var again bool
		use := func(value []byte) (err error) {
			again, err = visit(it.Item().Key(), value)
			return err
		}
		var err error
		if values {
			err = it.Item().Value(use)
		} else {
			err = use(nil)
		}
		if err != nil || !again {
			return err
		}
	}
	return nil
}

// Batch gathers writes. One goroutine makes batches, one after the other.
type Batch struct {
	batch *badger.WriteBatch
}

// Batch returns an empty batch. It must be committed or cancelled.
func (x *Index) Batch() (Batch, error) {
	if err := x.allocateLogs(); err != nil {
		return Batch{}, err
	}
	return Batch{x.db.NewWriteBatch()}, nil
}

// Set writes a key. The batch keeps both slices until it is committed.
func (b Batch) Set(key, value []byte) error { return b.batch.Set(key, value) }

// Delete deletes a key. The batch keeps the slice until it is committed.
func (b Batch) Delete(key []byte) error { return b.batch.Delete(key) }

// Commit writes the batch, durably; a large one in several steps, in order.
func (b Batch) Commit() error { return b.batch.Flush() }

// Cancel gives the batch up.
func (b Batch) Cancel() { b.batch.Cancel() }

// badgerLogger passes on what an operator can use.
type badgerLogger struct{ log *zap.SugaredLogger }

func (l badgerLogger) Errorf(format string, args ...any) {
	l.log.Errorf("event index: "+format, args...)
}
func (l badgerLogger) Warningf(format string, args ...any) {
	l.log.Warnf("event index: "+format, args...)
}
func (l badgerLogger) Infof(format string, args ...any) {
	l.log.Debugf("event index: "+format, args...)
}
func (l badgerLogger) Debugf(string, ...any) {}
