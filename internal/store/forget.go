package store

import (
	"time"

	"github.com/dgraph-io/badger/v4"
	"go.uber.org/zap"

	"github.com/hookgate/hookgate/module/storage"
)

const (
	// forgetEvery is how often reserved IDs are checked, and forgetFirst how long
	// after the start.
	forgetEvery = time.Hour
	forgetFirst = time.Minute

	// forgetAtOnce bounds one transaction.
	forgetAtOnce = 500
)

// now is the clock of the events, 0 as long as there is none.
func (s *Store) now() int64 {
	if s.beside == nil {
		return 0
	}
	return s.beside.Age()
}

// forget releases webhook IDs that have been reserved long enough without use.
func (s *Store) forget() {
	before := s.now() - storage.ReservedFor.Milliseconds()
	freed := 0
	for again := true; again && before > 0 && s.failed == nil && s.db != nil; {
		n, err := s.forgetSome(before)
		if err != nil {
			s.logger.Warn("unused webhook IDs cannot be released yet", zap.Error(err))
			break
		}
		freed += n
		again = n == forgetAtOnce
	}
	s.step("forgotten")
	if freed > 0 {
		s.logger.Info("released unused webhook IDs", zap.Int("webhook_ids", freed))
	}
}

// forgetSome releases some of those reserved before a time, and returns how
// many keys it has examined.
func (s *Store) forgetSome(before int64) (n int, err error) {
	if err := s.roomy(); err != nil {
		return 0, err
	}
	var keys [][]byte
	if err := s.view(func(txn *badger.Txn) error {
		it := txn.NewIterator(badger.IteratorOptions{Prefix: []byte{prefixForget}})
		defer it.Close()
		for it.Rewind(); it.Valid() && len(keys) < forgetAtOnce; it.Next() {
			key := it.Item().KeyCopy(nil)
			if since, _, ok := parseForgetKey(key); ok && since > before {
				break
			}
			keys = append(keys, key)
		}
		return nil
	}); err != nil {
		return 0, err
	}
	t := s.begin()
	defer t.Discard()
	for _, key := range keys {
		since, webhookID, _ := parseForgetKey(key)
		stored, err := s.get(t.Txn, webhookID)
		if err == nil && stored.forgettable() && stored.Since == since {
			if err := t.delete(integrationKey(webhookID)); err != nil {
				return 0, err
			}
			t.count(&stored, &record{})
		}
		if err := t.delete(key); err != nil { // it may lead to nothing
			return 0, err
		}
	}
	return len(keys), t.end()
}
