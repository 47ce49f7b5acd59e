package index

import (
	"bytes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"

	"github.com/hookgate/hookgate/internal/seal"
)

// runPurpose is what a run's key is derived for.
const runPurpose = "hookgate event index run"

// tailNumber is the tail's place among the blocks, so to say.
const tailNumber = -1

// run is an open run. Its file has the blocks and the tail, which has the length
// and the first key of each block, and the filter. Each is sealed under the run's
// own key and its own number, so it opens in its place only.
type run struct {
	meta
	path   string
	file   *os.File
	aead   cipher.AEAD
	blocks []blockRef
	filter filter

	snapshots int  // that have it; guarded by Index.mu
	replaced  bool // set before the last snapshot is released
}

// blockRef is where a block is.
type blockRef struct {
	first  []byte // key
	offset int64
	length int
}

func runPath(dir string, number uint64) string {
	return filepath.Join(dir, fmt.Sprintf("%016x", number)+runSuffix)
}

func nonce(number int) []byte {
	return binary.BigEndian.AppendUint64(make([]byte, 4, 12), uint64(number))
}

// openRun opens a run and verifies all of it.
func openRun(dir string, data seal.Key, m meta) (*run, error) {
	r := &run{meta: m, path: runPath(dir, m.number), aead: data.AEAD(runPurpose, m.salt[:])}
	var err error
	if r.file, err = os.Open(r.path); err == nil {
		if err = r.load(); err == nil {
			return r, nil
		}
		err = errors.Join(err, r.file.Close())
	}
	return nil, fmt.Errorf("%s: %w", filepath.Base(r.path), err)
}

func (r *run) load() error {
	info, err := r.file.Stat()
	if err != nil {
		return err
	}
	if info.Size() != r.size {
		return ErrDamaged
	}
	tail, err := r.open(nil, tailNumber, r.tail, int(r.size-r.tail))
	if err != nil {
		return err
	}
	if err := r.decodeTail(tail); err != nil {
		return err
	}
	var raw []byte
	for i, ref := range r.blocks {
		if raw, err = r.open(raw, i, ref.offset, ref.length); err != nil {
			return err
		}
	}
	return nil
}

// open reads and opens what is sealed, into buf if that is large enough.
func (r *run) open(buf []byte, number int, offset int64, length int) ([]byte, error) {
	if cap(buf) < length {
		buf = make([]byte, length)
	}
	if _, err := r.file.ReadAt(buf[:length], offset); err != nil {
		if errors.Is(err, io.EOF) {
			err = ErrDamaged // the file was as long as it should be
		}
		return nil, err
	}
	plain, err := r.aead.Open(buf[:0], nonce(number), buf[:length], nil)
	if err != nil {
		return nil, fmt.Errorf("%w: block %d of run %d", ErrDamaged, number, r.number)
	}
	return plain, nil
}

// read makes b the block of a number.
func (r *run) read(b *block, number int) (err error) {
	ref := r.blocks[number]
	if b.raw, err = r.open(b.raw, number, ref.offset, ref.length); err != nil {
		return err
	}
	b.run, b.number = r, number
	return b.decode(b.raw)
}

func (r *run) encodeTail() []byte {
	buf := binary.AppendUvarint(nil, uint64(len(r.blocks)))
	for _, ref := range r.blocks {
		buf = binary.AppendUvarint(buf, uint64(ref.length))
		buf = append(binary.AppendUvarint(buf, uint64(len(ref.first))), ref.first...)
	}
	return append(buf, r.filter...)
}

// decodeTail undoes encodeTail and keeps what it reads.
func (r *run) decodeTail(plain []byte) error {
	d := decoder{raw: plain}
	count, offset := d.length(), int64(0)
	for range count {
		ref := blockRef{offset: offset, length: int(min(d.uint(), uint64(r.tail-offset)))}
		ref.first = d.take(d.length())
		offset += int64(ref.length)
		if d.failed {
			return ErrDamaged
		}
		r.blocks = append(r.blocks, ref)
	}
	if r.filter = filter(d.raw); d.failed || count == 0 || offset != r.tail || len(r.filter) == 0 {
		return ErrDamaged
	}
	return nil
}

// blockOf is the number of the block that has a key if any has: the last that
// does not begin above it. It is negative when all do.
func (r *run) blockOf(key []byte) int {
	return sort.Search(len(r.blocks), func(i int) bool { return bytes.Compare(r.blocks[i].first, key) > 0 }) - 1
}

// find looks for a key. What it returns must not be changed.
func (r *run) find(cache *cache, key []byte) (e entry, found bool, err error) {
	number := r.blockOf(key)
	if number < 0 {
		return e, false, nil
	}
	b, err := cache.get(r, number)
	if err != nil {
		return e, false, err
	}
	at, found := b.search(key)
	if found {
		e = b.entries[at]
	}
	return e, found, nil
}

func sizeOf(runs []*run) (size int64) {
	for _, r := range runs {
		size += r.size
	}
	return size
}
