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
	"sync/atomic"

	"github.com/hookgate/hookgate/internal/seal"
	"github.com/hookgate/hookgate/internal/wire"
)

// runPurpose binds a run's key to its use.
const runPurpose = "hookgate event index run"

// tailNumber stands for the tail where blocks have their number.
const tailNumber = -1

// run is an open run: its file, and its tail in memory.
type run struct {
	meta
	path   string
	file   *os.File
	aead   cipher.AEAD
	blocks []blockRef
	slots  []slot // of the blocks
	filter filter

	damaged atomic.Bool // a read has found damage

	snapshots int  // that have it; guarded by Index.mu
	replaced  bool // set before the last snapshot is released
}

// blockRef locates a block.
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

// openRun opens a run. It verifies the tail, and blocks while verify, from which it
// takes their bytes, is above zero.
func openRun(dir string, data seal.Key, m meta, verify *int64) (*run, error) {
	r := &run{meta: m, path: runPath(dir, m.number), aead: data.AEAD(runPurpose, m.salt[:])}
	var err error
	if r.file, err = os.Open(r.path); err == nil {
		if err = r.load(verify); err == nil {
			return r, nil
		}
		err = errors.Join(err, r.file.Close())
	}
	return nil, fmt.Errorf("%s: %w", filepath.Base(r.path), err)
}

func (r *run) load(verify *int64) error {
	info, err := r.file.Stat()
	if err != nil {
		return err
	}
	if info.Size() != r.size {
		return ErrDamaged
	}
	tail, err := r.openAt(nil, tailNumber, r.tail, int(r.size-r.tail))
	if err != nil {
		return err
	}
	if err := r.decodeTail(tail); err != nil {
		return err
	}
	var plain []byte
	for i := 0; i < len(r.blocks) && *verify > 0; i++ {
		if plain, err = r.open(plain, i); err != nil {
			return err
		}
		*verify -= int64(r.blocks[i].length)
	}
	return nil
}

// open reads and decrypts a block, into buf if that is large enough.
func (r *run) open(buf []byte, number int) ([]byte, error) {
	ref := r.blocks[number]
	return r.openAt(buf, number, ref.offset, ref.length)
}

func (r *run) openAt(buf []byte, number int, offset int64, length int) ([]byte, error) {
	if cap(buf) < length {
		buf = make([]byte, length)
	}
	if _, err := r.file.ReadAt(buf[:length], offset); err != nil {
		if !errors.Is(err, io.EOF) {
			return nil, err
		}
		// The file was as long as it should be.
		r.damaged.Store(true)
		return nil, fmt.Errorf("%w: run %d is truncated", ErrDamaged, r.number)
	}
	plain, err := r.aead.Open(buf[:0], nonce(number), buf[:length], nil)
	if err != nil {
		r.damaged.Store(true)
		return nil, fmt.Errorf("%w: block %d of run %d", ErrDamaged, number, r.number)
	}
	return plain, nil
}

// read reads and decodes a block into b.
func (r *run) read(b *block, number int) (err error) {
	if b.raw, err = r.open(b.raw, number); err != nil {
		return err
	}
	b.number = number
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

// decodeTail reverses encodeTail. The run refers to plain from then on.
func (r *run) decodeTail(plain []byte) error {
	d := wire.Decoder{Raw: plain}
	count, offset := d.Count(1), int64(0)
	for range count {
		ref := blockRef{offset: offset, length: int(min(d.Uint(), uint64(r.tail-offset)))}
		ref.first = d.Bytes()
		offset += int64(ref.length)
		if d.Failed() {
			return ErrDamaged
		}
		r.blocks = append(r.blocks, ref)
	}
	if r.filter = filter(d.Raw); d.Failed() || count == 0 || offset != r.tail || len(r.filter) == 0 {
		return ErrDamaged
	}
	r.slots = make([]slot, len(r.blocks))
	return nil
}

// blockOf returns the number of the only block that can have a key: the last one that
// does not begin above it. It is negative if all do.
func (r *run) blockOf(key []byte) int {
	return sort.Search(len(r.blocks), func(i int) bool { return bytes.Compare(r.blocks[i].first, key) > 0 }) - 1
}

// find passes the value of a key to use. Of a deleted key it reports that it was
// found, and returns ErrNotFound.
func (r *run) find(cache *cache, key []byte, use func(value []byte) error) (found bool, err error) {
	number := r.blockOf(key)
	if number < 0 {
		return false, nil
	}
	b, err := cache.get(r, number)
	if err != nil {
		return false, fmt.Errorf("reading the event index: %w", err)
	}
	defer cache.put(b)
	e, found, err := lookUp(b.plain, key)
	switch {
	case err != nil:
		return false, fmt.Errorf("reading the event index: %w", err)
	case found && e.deleted:
		return true, ErrNotFound
	case found:
		return true, use(e.value)
	}
	return false, nil
}

func sizeOf(runs []*run) (size int64) {
	for _, r := range runs {
		size += r.size
	}
	return size
}
