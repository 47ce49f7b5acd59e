package index

import (
	"bytes"
	"encoding/binary"
	"slices"

	"github.com/hookgate/hookgate/internal/wire"
)

// entry is a key with its value, or a deletion.
type entry struct {
	key, value []byte
	deleted    bool
}

// appendEntry encodes an entry, without what its key shares with the key before.
func appendEntry(buf, before []byte, e entry) []byte {
	shared := commonPrefix(before, e.key)
	buf = binary.AppendUvarint(buf, uint64(shared))
	buf = binary.AppendUvarint(buf, uint64(len(e.key)-shared))
	if e.deleted {
		buf = binary.AppendUvarint(buf, 0)
	} else {
		buf = binary.AppendUvarint(buf, uint64(len(e.value))+1)
	}
	return append(append(buf, e.key[shared:]...), e.value...)
}

// commonPrefix returns how many bytes two keys have in common at their start.
func commonPrefix(a, b []byte) (n int) {
	for most := min(len(a), len(b)); n < most && a[n] == b[n]; {
		n++
	}
	return n
}

// encoded is an entry as it stands in a block.
type encoded struct {
	shared  int    // bytes shared with the key before
	rest    []byte // of the key
	value   []byte
	deleted bool
}

// takeEncoded decodes the next entry. length is the length of the key before.
func takeEncoded(d *wire.Decoder, length int) encoded {
	shared, rest, value := d.Uint(), d.Uint(), d.Uint()
	if shared > uint64(length) || rest > uint64(len(d.Raw)) || value > uint64(len(d.Raw))-rest+1 {
		d.Fail()
		return encoded{}
	}
	e := encoded{shared: int(shared), rest: d.Take(rest), deleted: value == 0}
	if !e.deleted {
		e.value = d.Take(value - 1)
	}
	return e
}

// block is an opened block with its entries, for those who go through them.
type block struct {
	number  int
	entries []entry
	keys    []byte // of the entries, in full
	raw     []byte // holds the values
}

// decode reads the entries. They are valid for as long as plain is.
func (b *block) decode(plain []byte) error {
	d := wire.Decoder{Raw: plain}
	b.entries, b.keys = b.entries[:0], b.keys[:0]
	var before []byte
	for len(d.Raw) > 0 {
		e := takeEncoded(&d, len(before))
		start := len(b.keys)
		b.keys = append(append(b.keys, before[:e.shared]...), e.rest...)
		before = b.keys[start:len(b.keys):len(b.keys)]
		b.entries = append(b.entries, entry{key: before, value: e.value, deleted: e.deleted})
	}
	if d.Failed() || len(b.entries) == 0 {
		return ErrDamaged
	}
	return nil
}

// search returns the position of a key, or the one where it would be.
func (b *block) search(key []byte) (at int, found bool) {
	return slices.BinarySearchFunc(b.entries, key, func(e entry, key []byte) int { return bytes.Compare(e.key, key) })
}

// lookUp finds the entry of a key in an opened block without decoding those before.
//
// It only keeps track of how many bytes the entry before shares with the key. That
// entry is below the key, so one that shares more with it than the key does is below
// the key too, and one that shares less is above it. Neither has to be compared.
func lookUp(plain, key []byte) (e encoded, found bool, err error) {
	d := wire.Decoder{Raw: plain}
	same, length := 0, 0
	for len(d.Raw) > 0 {
		e = takeEncoded(&d, length)
		length = e.shared + len(e.rest)
		switch {
		case d.Failed():
			return e, false, ErrDamaged
		case e.shared > same:
			continue
		case e.shared < same:
			return e, false, nil
		}
		n := commonPrefix(e.rest, key[same:])
		same += n
		switch {
		case n == len(e.rest) && same == len(key):
			return e, true, nil
		case n < len(e.rest) && (same == len(key) || e.rest[n] > key[same]):
			return e, false, nil
		}
	}
	return e, false, nil
}
