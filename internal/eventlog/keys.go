package eventlog

import (
	"github.com/hookgate/hookgate/internal/eventlog/journal"
	"github.com/hookgate/hookgate/internal/eventlog/segment"
	"github.com/hookgate/hookgate/internal/eventlog/state"
	"github.com/hookgate/hookgate/internal/seal"
	"github.com/hookgate/hookgate/internal/wire"
	"github.com/hookgate/hookgate/module/storage"
)

// The keys of the index begin with one of these. All but the last go on with
// an identity, so that what belongs to it stands together.
const (
	eventKey     = 'e' // + event ID: the event
	entryKey     = 'k' // + dedupe key: the event that stands for it
	pendingKey   = 'p' // + event ID: the event's ref
	failedKey    = 'f' // + event ID
	claimKey     = 'c' // + event ID: claimed when the index was written
	droppedKey   = 'd' // the integration was dropped; its value is when it was purged, or empty
	watermarkKey = 'w' // how far the log is in the index
)

func identityKey(prefix byte, identity storage.Identity) []byte {
	return append([]byte{prefix}, identity[:]...)
}

func appendIDKey(buf []byte, prefix byte, identity storage.Identity, id storage.ID) []byte {
	return append(append(append(buf, prefix), identity[:]...), id[:]...)
}

func idKey(prefix byte, identity storage.Identity, id storage.ID) []byte {
	return appendIDKey(make([]byte, 0, 1+len(identity)+len(id)), prefix, identity, id)
}

func appendDedupeKey(buf []byte, key state.DedupeKey) []byte {
	return append(append(append(buf, entryKey), key.Integration[:]...), key.Key...)
}

func dedupeKey(key state.DedupeKey) []byte {
	return appendDedupeKey(make([]byte, 0, 1+len(key.Integration)+len(key.Key)), key)
}

// parseIDKey takes identity and event ID from a key that idKey made.
func parseIDKey(key []byte) (identity storage.Identity, id storage.ID, err error) {
	if len(key) != 1+len(identity)+len(id) {
		return identity, id, wire.ErrMalformed
	}
	copy(identity[:], key[1:])
	copy(id[:], key[1+len(identity):])
	return identity, id, nil
}

// parseDedupeKey is the inverse of dedupeKey.
func parseDedupeKey(raw []byte) (key state.DedupeKey, err error) {
	n := 1 + len(key.Integration)
	if len(raw) < n {
		return key, wire.ErrMalformed
	}
	copy(key.Integration[:], raw[1:])
	key.Key = string(raw[n:])
	return key, nil
}

// watermark is a place in the log: what comes before is in the index. By its salt
// an index fits one log only.
type watermark struct {
	journal.Mark
	lastID storage.ID
	note   note // of the clock
}

func (w watermark) append(buf []byte) []byte {
	buf = wire.AppendUint(buf, w.Segment)
	buf = wire.AppendInt(buf, w.Offset)
	buf = wire.AppendUint(buf, w.Sequence)
	buf = append(buf, w.lastID[:]...)
	buf = append(buf, w.Salt[:]...)
	buf = wire.AppendInt(buf, w.note.wall)
	buf = wire.AppendInt(buf, w.note.age)
	return wire.AppendUint(buf, w.Oldest)
}

func decodeWatermark(raw []byte) (w watermark, err error) {
	d := wire.Decoder{Raw: raw}
	w.Segment, w.Offset, w.Sequence, w.lastID = d.Uint(), d.Int(), d.Uint(), d.ID()
	copy(w.Salt[:], d.Take(seal.SaltSize))
	w.note = note{wall: d.Int(), age: d.Int()}
	w.Oldest = d.Uint()
	if w.Offset < segment.Start {
		d.Fail()
	}
	return w, d.Err()
}
