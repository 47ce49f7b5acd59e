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
