package index

import (
	"bytes"
	"encoding/binary"
	"slices"
)

// entry is a key with a value, or that it is deleted.
type entry struct {
	key, value []byte
	deleted    bool
}

// appendEntry writes an entry without what its key shares with the key before.
func appendEntry(buf, before []byte, e entry) []byte {
	shared := 0
	for most := min(len(before), len(e.key)); shared < most && before[shared] == e.key[shared]; {
		shared++
	}
	buf = binary.AppendUvarint(buf, uint64(shared))
	buf = binary.AppendUvarint(buf, uint64(len(e.key)-shared))
	if e.deleted {
		buf = binary.AppendUvarint(buf, 0)
	} else {
		buf = binary.AppendUvarint(buf, uint64(len(e.value))+1)
	}
	return append(append(buf, e.key[shared:]...), e.value...)
}

// block is a part of a run that is sealed as one, opened.
type block struct {
	run     *run
	number  int
	entries []entry
	keys    []byte // which the entries have cut off
	raw     []byte // with the values in it
}

// decode reads the entries, which stay as long as plain does.
func (b *block) decode(plain []byte) error {
	d := decoder{raw: plain}
	b.entries, b.keys = b.entries[:0], b.keys[:0]
	var before []byte
	for len(d.raw) > 0 {
		shared, rest, value := d.uint(), d.uint(), d.uint()
		if shared > uint64(len(before)) || rest > uint64(len(d.raw)) || value > uint64(len(d.raw))+1 {
			return ErrDamaged
		}
		start := len(b.keys)
		b.keys = append(append(b.keys, before[:shared]...), d.take(int(rest))...)
		e := entry{key: b.keys[start:len(b.keys):len(b.keys)], deleted: value == 0}
		if !e.deleted {
			e.value = d.take(int(value - 1))
		}
		if d.failed {
			return ErrDamaged
		}
		b.entries = append(b.entries, e)
		before = e.key
	}
	if d.failed || len(b.entries) == 0 {
		return ErrDamaged
	}
	return nil
}

// search returns where a key is, or would be.
func (b *block) search(key []byte) (at int, found bool) {
	return slices.BinarySearchFunc(b.entries, key, func(e entry, key []byte) int { return bytes.Compare(e.key, key) })
}
