package store

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/dgraph-io/badger/v4"

	"github.com/hookgate/hookgate/module/storage"
)

// The keys of the database:
//
//	i<webhook ID>             the integration, sealed
//	p<project> 0 <webhook ID> that the project has it, empty
//	r                         the last revision, sealed
const (
	prefixIntegration = 'i'
	prefixProject     = 'p'
)

var revisionKey = []byte("r")

// purpose of the sealed records; the place of each is its key.
const purpose = "hookgate integrations"

const (
	// maxValue bounds the value of an integration in bytes.
	maxValue = 512 << 10
	// maxOverhead is more than what sealing and the rest of a record add.
	maxOverhead = 8 << 10
	// maxName bounds a webhook ID and a project in bytes.
	maxName = 1 << 10
)

func integrationKey(webhookID string) []byte {
	return append([]byte{prefixIntegration}, webhookID...)
}

// projectKey is the place of an integration in a listing; with a webhook ID ""
// it comes before all of the project.
func projectKey(project, webhookID string) []byte {
	key := append([]byte{prefixProject}, project...)
	key = append(key, 0)
	return append(key, webhookID...)
}

// encode returns the plaintext of a record: revision, whether it is deleted,
// length of the project, project, value.
func encode(in storage.Integration) []byte {
	raw := binary.BigEndian.AppendUint64(nil, in.Revision)
	deleted := byte(0)
	if in.Deleted {
		deleted = 1
	}
	raw = append(raw, deleted)
	raw = binary.AppendUvarint(raw, uint64(len(in.Project)))
	raw = append(raw, in.Project...)
	return append(raw, in.Value...)
}

// decode undoes encode.
func decode(webhookID string, raw []byte) (storage.Integration, error) {
	if len(raw) < 10 || raw[8] > 1 {
		return storage.Integration{}, storage.ErrCorrupt
	}
	in := storage.Integration{
		WebhookID: webhookID,
		Revision:  binary.BigEndian.Uint64(raw),
		Deleted:   raw[8] == 1,
	}
	length, n := binary.Uvarint(raw[9:])
	if n <= 0 || length > uint64(len(raw)-9-n) {
		return storage.Integration{}, storage.ErrCorrupt
	}
	rest := raw[9+n:]
	in.Project, in.Value = string(rest[:length]), rest[length:]
	return in, nil
}

// get reads one integration in a transaction.
func (s *Store) get(txn *badger.Txn, webhookID string) (storage.Integration, error) {
	plain, err := s.unseal(txn, integrationKey(webhookID))
	if err != nil {
		return storage.Integration{}, err
	}
	return decode(webhookID, plain)
}

// set writes one integration and its place in the listing.
func (s *Store) set(txn *badger.Txn, in storage.Integration) error {
	key := integrationKey(in.WebhookID)
	if err := txn.Set(key, s.key.Seal(purpose, key, encode(in))); err != nil {
		return err
	}
	if in.Deleted {
		return txn.Delete(projectKey(in.Project, in.WebhookID))
	}
	return txn.Set(projectKey(in.Project, in.WebhookID), nil)
}

// unseal reads the sealed value of a key.
func (s *Store) unseal(txn *badger.Txn, key []byte) ([]byte, error) {
	item, err := txn.Get(key)
	if errors.Is(err, badger.ErrKeyNotFound) {
		return nil, storage.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", storage.ErrCorrupt, err)
	}
	var plain []byte
	err = item.Value(func(sealed []byte) error {
		plain, err = s.key.Open(purpose, key, sealed)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("%w, or sealed under another key", storage.ErrCorrupt)
	}
	return plain, nil
}

// lastRevision reads the last revision, 0 of a store that is new. A store
// with integrations and without one is damaged.
func (s *Store) lastRevision() (revision uint64, err error) {
	err = s.db.View(func(txn *badger.Txn) (err error) {
		revision, err = s.revisionIn(txn)
		return err
	})
	return revision, err
}

func (s *Store) revisionIn(txn *badger.Txn) (uint64, error) {
	plain, err := s.unseal(txn, revisionKey)
	if errors.Is(err, storage.ErrNotFound) {
		it := txn.NewIterator(badger.IteratorOptions{})
		defer it.Close()
		if it.Rewind(); it.Valid() {
			return 0, fmt.Errorf("%w: its last revision is missing", storage.ErrCorrupt)
		}
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	if len(plain) != 8 {
		return 0, storage.ErrCorrupt
	}
	return binary.BigEndian.Uint64(plain), nil
}

func (s *Store) setRevision(txn *badger.Txn, revision uint64) error {
	return txn.Set(revisionKey, s.key.Seal(purpose, revisionKey, binary.BigEndian.AppendUint64(nil, revision)))
}
