package index

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
)

// MaxValue bounds a value in bytes.
const MaxValue = 512 << 10

// Batch collects writes. Batches are made by one goroutine, one after the other.
type Batch struct {
	index  *Index
	writes []write
	size   int
	dead   int64 // entries that no longer count because of the batch, its own included
}

// write is one write of a batch, and how many of the batch came before it.
type write struct {
	entry
	order int
}

// byKey orders writes by key, and those of one key by their order in the batch.
func byKey(a, b write) int {
	if order := bytes.Compare(a.key, b.key); order != 0 {
		return order
	}
	return a.order - b.order
}

// Batch returns an empty batch. It must be committed or cancelled.
func (x *Index) Batch() *Batch {
	return &Batch{index: x, writes: x.spare[:0]}
}

// Size returns how many bytes of memory the batch holds: keys, values, and what it
// needs for each entry.
func (b *Batch) Size() int { return b.size }

// entryOverhead is about what an entry takes in memory besides its key and value.
const entryOverhead = 64

// Set writes a key. The batch holds on to both slices until it is committed. again
// tells that the index, or the batch, has the key already. It need not be exact: it
// decides when a merge is worth its while.
func (b *Batch) Set(key, value []byte, again bool) error {
	if len(value) > MaxValue {
		return fmt.Errorf("writing the event index: a value of %d bytes exceeds the limit of %d", len(value), MaxValue)
	}
	b.add(entry{key: key, value: value})
	if again {
		b.dead++
	}
	return nil
}

// Delete deletes a key. The batch holds on to the slice until it is committed.
func (b *Batch) Delete(key []byte) {
	b.add(entry{key: key, deleted: true})
	b.dead += 2 // the deletion, and, as a rule, what it deletes
}

func (b *Batch) add(e entry) {
	b.writes = append(b.writes, write{e, len(b.writes)})
	b.size += len(e.key) + len(e.value) + entryOverhead
}

// Commit writes the batch durably and atomically. Of two writes of a key the later
// one counts. While there are too many runs it waits for the merger, and returns
// ErrBehind if that is stuck.
func (b *Batch) Commit() error {
	defer b.Cancel()
	if len(b.writes) == 0 {
		return nil
	}
	x := b.index
	if err := x.waitForRoom(); err != nil {
		return err
	}
	r, err := b.write()
	if err == nil {
		err = x.install(nil, r)
	}
	if err != nil {
		return fmt.Errorf("writing the event index: %w", err)
	}
	x.merger.hurry()
	return nil
}

// Cancel discards the batch.
func (b *Batch) Cancel() {
	clear(b.writes)
	b.index.spare, b.writes, b.size, b.dead = b.writes[:0], nil, 0, 0
}

func (b *Batch) write() (*run, error) {
	slices.SortFunc(b.writes, byKey)
	w, err := b.index.newRun(0, int64(len(b.writes)))
	if err != nil {
		return nil, err
	}
	for i, e := range b.writes {
		if i+1 < len(b.writes) && bytes.Equal(e.key, b.writes[i+1].key) {
			continue
		}
		if err := w.add(e.entry); err != nil {
			return nil, errors.Join(err, w.cancel())
		}
	}
	w.count(int64(len(b.writes)), b.dead)
	return w.finish()
}

func (x *Index) waitForRoom() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	for len(x.now.runs) >= maxRuns {
		if x.stuck != nil {
			return fmt.Errorf("%w: %w", ErrBehind, x.stuck)
		}
		x.merger.hurry()
		x.room.Wait()
	}
	return nil
}
