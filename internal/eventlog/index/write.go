package index

import (
	"crypto/rand"
	"errors"
	"os"
	"runtime"

	"github.com/hookgate/hookgate/internal/fsutil"
)

const (
	// blockSize is the least size of a block in bytes, before it is sealed; only the
	// last block of a run may be smaller. Twice the size makes a lookup that has to
	// read a block take nearly twice the time, and half of it doubles the memory for
	// the tails.
	blockSize = 8 << 10
	// writeSize is how many bytes are collected for one write.
	writeSize = 256 << 10
	// syncSize is how many bytes are written before a sync: a disk that is given more
	// at once makes the event log wait.
	syncSize = 2 << 20
)

// runWriter writes a run: entries are added in the order of their keys, then it is
// finished or cancelled.
type runWriter struct {
	run      *run
	plain    []byte // the block that is being filled
	first    []byte // its first key
	before   []byte // the key before
	out      []byte // sealed blocks to be written
	written  int64
	unsynced int
}

// newRun starts a run of at most so many keys.
func (x *Index) newRun(level uint64, keys int64) (*runWriter, error) {
	r := &run{meta: meta{number: x.number(), level: level}, filter: newFilter(keys)}
	rand.Read(r.salt[:]) // never fails
	r.path, r.aead = runPath(x.dir, r.number), x.data.AEAD(runPurpose, r.salt[:])
	var err error
	if r.file, err = os.OpenFile(r.path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600); err != nil {
		return nil, err
	}
	return &runWriter{run: r}, nil
}

func (w *runWriter) add(e entry) error {
	if len(w.plain) == 0 {
		w.first, w.before = append([]byte(nil), e.key...), w.before[:0]
	}
	w.plain = appendEntry(w.plain, w.before, e)
	w.before = append(w.before[:0], e.key...)
	w.run.filter.add(hashOf(e.key))
	w.run.entries++
	if len(w.plain) < blockSize {
		return nil
	}
	return w.endBlock()
}

func (w *runWriter) endBlock() error {
	offset := w.written + int64(len(w.out))
	w.out = w.run.aead.Seal(w.out, nonce(len(w.run.blocks)), w.plain, nil)
	length := int(w.written + int64(len(w.out)) - offset)
	w.run.blocks = append(w.run.blocks, blockRef{first: w.first, offset: offset, length: length})
	w.plain = w.plain[:0]
	if len(w.out) < writeSize {
		// Whoever answers a request goes first.
		runtime.Gosched()
		return nil
	}
	return w.flush()
}

func (w *runWriter) flush() error {
	n, err := w.run.file.Write(w.out)
	w.written += int64(n)
	w.out = w.out[:0]
	if w.unsynced += n; err == nil && w.unsynced >= syncSize {
		w.unsynced, err = 0, fsutil.SyncData(w.run.file)
	}
	return err
}

// finish makes the run durable and returns it; nil if it has no entries. After an
// error its file is gone.
func (w *runWriter) finish() (*run, error) {
	if w.run.entries == 0 {
		return nil, w.cancel()
	}
	err := w.finishFile()
	if err != nil {
		return nil, errors.Join(err, w.cancel())
	}
	return w.run, nil
}

func (w *runWriter) finishFile() error {
	if len(w.plain) > 0 {
		if err := w.endBlock(); err != nil {
			return err
		}
	}
	r := w.run
	r.tail = w.written + int64(len(w.out))
	w.out = r.aead.Seal(w.out, nonce(tailNumber), r.encodeTail(), nil)
	r.size = w.written + int64(len(w.out))
	r.slots = make([]slot, len(r.blocks))
	if err := w.flush(); err != nil {
		return err
	}
	return r.file.Sync()
}

// count notes of how many entries the run was made, and how many entries of the index
// were dead because of those. Each entry that was left out was one of the dead.
func (w *runWriter) count(entries, dead int64) {
	w.run.dead = max(dead-(entries-w.run.entries), 0)
}

// cancel removes the file.
func (w *runWriter) cancel() error {
	return errors.Join(w.run.file.Close(), os.Remove(w.run.path))
}
