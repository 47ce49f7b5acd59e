package store

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/dgraph-io/badger/v4"

	"github.com/hookgate/hookgate/internal/wire"
	"github.com/hookgate/hookgate/module/storage"
)

// The keys of the database:
//
//	i<webhook ID>             the integration, sealed
//	p<project> 0 <webhook ID> that the project has it, empty
//	f<time><webhook ID>       that it may be forgotten some time after this, empty
//	r                         the last revision, sealed
//	l                         how far the events were, sealed
//
// So webhook IDs and projects are in clear text, and nothing else is.
const (
	prefixIntegration = 'i'
	prefixProject     = 'p'
	prefixForget      = 'f'
)

var (
	revisionKey = []byte("r")
	placeKey    = []byte("l")
)

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

func forgetKey(since int64, webhookID string) []byte {
	key := binary.BigEndian.AppendUint64([]byte{prefixForget}, uint64(since))
	return append(key, webhookID...)
}

// parseForgetKey undoes forgetKey.
func parseForgetKey(key []byte) (since int64, webhookID string, ok bool) {
	if len(key) < 9 || key[0] != prefixForget {
		return 0, "", false
	}
	return int64(binary.BigEndian.Uint64(key[1:])), string(key[9:]), true
}

// projectKey is the place of an integration in a listing; with an empty webhook
// ID it precedes all of the project's.
func projectKey(project, webhookID string) []byte {
	key := append([]byte{prefixProject}, project...)
	key = append(key, 0)
	return append(key, webhookID...)
}

// record is an integration as it is stored.
type record struct {
	storage.Integration
	// Since is when the webhook ID became reserved without use, by the clock of
	// the events in milliseconds; 0 if it is not.
	Since int64 `json:",omitempty"`
}

// forgettable reports whether only the webhook ID is left, and was never used.
func (r *record) forgettable() bool {
	return r.Deleted && r.Unused && !r.Declared && len(r.Value) == 0
}

// The flags of a record.
const (
	flagDeleted = 1 << iota
	flagUnused
	flagDeclared
	flagSince
	flagsEnd
)

func (r *record) flags() (flags byte) {
	for i, set := range []bool{r.Deleted, r.Unused, r.Declared, r.Since != 0} {
		if set {
			flags |= 1 << i
		}
	}
	return flags
}

// encode returns the plaintext of a record: revision, flags, the time since
// when it is reserved without use (if any), length of the project, project,
// value.
func (r *record) encode() []byte {
	raw := binary.BigEndian.AppendUint64(nil, r.Revision)
	raw = append(raw, r.flags())
	if r.Since != 0 {
		raw = binary.BigEndian.AppendUint64(raw, uint64(r.Since))
	}
	return append(wire.AppendString(raw, r.Project), r.Value...)
}

// size is how many bytes encode returns.
func (r *record) size() int {
	head := binary.AppendUvarint(make([]byte, 9, 32), uint64(len(r.Project)))
	if r.Since != 0 {
		head = head[:len(head)+8]
	}
	return len(head) + len(r.Project) + len(r.Value)
}

// decode undoes encode.
func decode(webhookID string, raw []byte) (record, error) {
	d := wire.Decoder{Raw: raw}
	revision, flags := d.Uint64(), d.Byte()
	r := record{Integration: storage.Integration{
		WebhookID: webhookID,
		Revision:  revision,
		Deleted:   flags&flagDeleted != 0,
		Unused:    flags&flagUnused != 0,
		Declared:  flags&flagDeclared != 0,
	}}
	if flags&flagSince != 0 {
		r.Since = int64(d.Uint64())
	}
	r.Project, r.Value = d.String(), d.Rest()
	if d.Failed() || flags >= flagsEnd || flags&flagSince != 0 && r.Since == 0 {
		return record{}, storage.ErrCorrupt
	}
	return r, nil
}

// get reads one record in a transaction.
func (s *Store) get(txn *badger.Txn, webhookID string) (record, error) {
	plain, err := s.unseal(txn, integrationKey(webhookID))
	if err != nil {
		return record{}, err
	}
	return decode(webhookID, plain)
}

// set writes a record, and its place in the listing.
func (s *Store) set(txn *badger.Txn, r *record) error {
	key := integrationKey(r.WebhookID)
	if err := txn.Set(key, s.key.Seal(purpose, key, r.encode())); err != nil {
		return err
	}
	if r.Since != 0 {
		if err := txn.Set(forgetKey(r.Since, r.WebhookID), nil); err != nil {
			return err
		}
	}
	if r.Deleted {
		return txn.Delete(projectKey(r.Project, r.WebhookID))
	}
	return txn.Set(projectKey(r.Project, r.WebhookID), nil)
}

// unseal reads and opens the sealed value of a key.
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

// lastRevision reads the last revision, 0 for a new store. A store with
// integrations but without a revision is damaged.
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
