package state

import (
	"github.com/hookgate/hookgate/internal/wire"
	"github.com/hookgate/hookgate/module/storage"
)

// DedupeKey is a dedupe key of one integration.
type DedupeKey struct {
	Integration storage.Identity
	Key         string
}

// DedupeEntry is what a dedupe key leads to. The zero value leads to nothing: in
// a memtable it hides what the index has.
type DedupeEntry struct {
	ID     storage.ID
	Born   int64 // when the event was accepted, by the log's clock
	Purged bool  // the event is remembered for its copies alone
}

// within reports whether the event was accepted no longer ago than a window, in
// milliseconds.
func (e DedupeEntry) within(window, now int64) bool { return now-e.Born <= window }

// Append writes the entry's value in the index.
func (e DedupeEntry) Append(buf []byte) []byte {
	purged := byte(0)
	if e.Purged {
		purged = 1
	}
	return append(wire.AppendInt(append(buf, e.ID[:]...), e.Born), purged)
}

// DecodeDedupeEntry reads what Append wrote.
func DecodeDedupeEntry(raw []byte) (DedupeEntry, error) {
	d := wire.Decoder{Raw: raw}
	e := DedupeEntry{ID: d.ID(), Born: d.Int(), Purged: d.Byte() != 0}
	return e, d.Err()
}
