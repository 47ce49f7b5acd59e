package eventlog

import (
	"encoding/binary"

	"github.com/hookgate/hookgate/internal/eventlog/segment"
	"github.com/hookgate/hookgate/internal/seal"
	"github.com/hookgate/hookgate/module/storage"
)

// The keys of the index begin with one of these. All but the last go on with
// an identity, so that what belongs to it stands together.
const (
	eventKey     = 'e' // + event ID: the event
	copyKey      = 'k' // + dedupe key: the event that stands for it
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

func appendDedupeKey(buf []byte, name copyName) []byte {
	return append(append(append(buf, copyKey), name.identity[:]...), name.key...)
}

func dedupeKey(name copyName) []byte {
	return appendDedupeKey(make([]byte, 0, 1+len(name.identity)+len(name.key)), name)
}

// parseIDKey takes identity and event ID from a key that idKey made.
func parseIDKey(key []byte) (identity storage.Identity, id storage.ID, err error) {
	if len(key) != 1+len(identity)+len(id) {
		return identity, id, errCodec
	}
	copy(identity[:], key[1:])
	copy(id[:], key[1+len(identity):])
	return identity, id, nil
}

// parseDedupeKey undoes dedupeKey.
func parseDedupeKey(key []byte) (name copyName, err error) {
	if len(key) < 1+len(name.identity) {
		return name, errCodec
	}
	copy(name.identity[:], key[1:])
	name.key = string(key[1+len(name.identity):])
	return name, nil
}

// watermark is a place in the log: what comes before is in the index.
type watermark struct {
	segment  uint64
	offset   int64
	sequence uint64 // the last one before the place
	lastID   storage.ID
	salt     [seal.SaltSize]byte // of the segment, so that an index fits one log only
	note     note                // of the clock
	oldest   uint64              // segment that was not removed
}

func (w watermark) append(buf []byte) []byte {
	buf = binary.AppendUvarint(buf, w.segment)
	buf = appendInt(buf, w.offset)
	buf = binary.AppendUvarint(buf, w.sequence)
	buf = append(buf, w.lastID[:]...)
	buf = append(buf, w.salt[:]...)
	buf = appendInt(buf, w.note.wall)
	buf = appendInt(buf, w.note.age)
	return binary.AppendUvarint(buf, w.oldest)
}

func decodeWatermark(raw []byte) (watermark, error) {
	d := decoder{raw: raw}
	w := watermark{segment: d.uint(), offset: d.int(), sequence: d.uint(), lastID: d.id()}
	copy(w.salt[:], d.take(seal.SaltSize))
	w.note = note{wall: d.int(), age: d.int()}
	w.oldest = d.uint()
	if w.offset < segment.Start {
		d.fail()
	}
	return w, d.err()
}
