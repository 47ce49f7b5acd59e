package index

import (
	"bytes"
	"slices"
	"testing"
)

func FuzzBlock(f *testing.F) {
	f.Add(appendEntry(appendEntry(nil, nil, entry{key: []byte("ab"), value: []byte("x")}), []byte("ab"), entry{key: []byte("ac"), deleted: true}))
	f.Add([]byte{0, 1, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1, 'a'})
	f.Fuzz(func(t *testing.T, plain []byte) {
		var b block
		if b.decode(plain) == nil && len(b.entries) == 0 {
			t.Error("an empty block is taken")
		}
	})
}

// FuzzLookUp looks keys up in blocks as a run has them by both ways, and in others.
func FuzzLookUp(f *testing.F) {
	var plain, before []byte
	for _, e := range []entry{{key: []byte{}}, {key: []byte("ab"), value: []byte("x")}, {key: []byte("abc"), deleted: true}, {key: []byte("b"), value: []byte{}}} {
		plain, before = appendEntry(plain, before, e), e.key
	}
	f.Add(plain, []byte("abb"))
	f.Add([]byte{0, 1, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1, 'a'}, []byte("a"))
	f.Fuzz(func(t *testing.T, plain, key []byte) {
		_, _, err := lookUp(plain, key)
		var b block
		if b.decode(plain) != nil || !asWritten(b.entries, plain) {
			return
		}
		if err != nil {
			t.Fatal("a block that can be decoded cannot be searched:", err)
		}
		for _, key := range append([][]byte{key}, keysOf(b.entries)...) {
			got, found, err := lookUp(plain, key)
			at, expected := b.search(key)
			if err != nil || found != expected {
				t.Fatalf("%q: %v, and it should be %v; %v", key, found, expected, err)
			}
			if found && (got.deleted != b.entries[at].deleted || !bytes.Equal(got.value, b.entries[at].value)) {
				t.Fatalf("%q has another value", key)
			}
		}
	})
}

// asWritten reports whether a block is what a writer makes of its entries.
func asWritten(entries []entry, plain []byte) bool {
	var again, before []byte
	for i, e := range entries {
		if i > 0 && bytes.Compare(before, e.key) >= 0 {
			return false
		}
		again, before = appendEntry(again, before, e), e.key
	}
	return bytes.Equal(again, plain)
}

func keysOf(entries []entry) (keys [][]byte) {
	for _, e := range entries {
		keys = append(keys, e.key)
	}
	return keys
}

func FuzzTail(f *testing.F) {
	r := run{blocks: []blockRef{{first: []byte("a"), length: 7}, {first: []byte("b"), length: 9}}, filter: newFilter(2)}
	f.Add(r.encodeTail(), int64(16))
	f.Add([]byte{200, 200, 200}, int64(1<<40))
	f.Fuzz(func(t *testing.T, plain []byte, tail int64) {
		r := run{meta: meta{tail: tail}}
		if r.decodeTail(plain) != nil {
			return
		}
		again := run{meta: meta{tail: tail}}
		if err := again.decodeTail(r.encodeTail()); err != nil || !bytes.Equal(again.filter, r.filter) || len(again.blocks) != len(r.blocks) {
			t.Error("a tail comes back as another", err)
		}
	})
}

func FuzzManifest(f *testing.F) {
	m := manifest{data: testKey, next: 9, runs: []meta{{number: 3, level: 1, size: 20, tail: 10, entries: 2, dead: 1}}}
	f.Add(m.append(nil))
	f.Fuzz(func(t *testing.T, plain []byte) {
		m, err := decodeManifest(plain)
		if err != nil {
			return
		}
		again, err := decodeManifest(m.append(nil))
		if err != nil || !slices.Equal(again.runs, m.runs) || again.next != m.next || again.data != m.data {
			t.Error("a manifest comes back as another", err)
		}
	})
}
