package journal

import (
	"fmt"
)

// commit makes the group durable. It is answered by release, or here when that
// failed.
func (w *writer) commit() {
	if len(w.group) == 0 {
		return
	}
	err := w.flush()
	w.release()
	group := w.group
	w.group = w.durable
	if err != nil {
		w.abandon(err)
		w.reset()
		for _, c := range group {
			w.settle(c)
		}
		clear(group)
		w.durable = group[:0]
		return
	}
	w.j.owner.Publish()
	w.reset()
	w.durable = group
}

// release answers the group before. Under load it is called between the next
// group's write and its sync: while the disk syncs, the processors run the callers
// that were answered.
func (w *writer) release() {
	for i, c := range w.durable {
		w.durable[i] = nil
		c.answer(nil)
	}
	w.durable = w.durable[:0]
}

// reset makes room for the next group.
func (w *writer) reset() {
	w.lazy = w.lazy[:0]
	w.j.owner.Discard()
	w.mustSync = false
	w.buf = w.buf[:0]
	if int64(cap(w.buf)) > 2*w.j.GroupSize {
		w.buf = nil // it held one very large record
	}
}

// flush writes the group, and syncs it when a caller waits for that.
func (w *writer) flush() error {
	if len(w.buf) == 0 {
		return nil
	}
	if _, err := w.file.WriteAt(w.buf, w.offset); err != nil {
		return fmt.Errorf("writing the event log: %w", err)
	}
	w.offset += int64(len(w.buf))
	w.prepare()
	w.release()
	if w.mustSync || w.owedBytes+len(w.buf) > maxUnsynced {
		return w.sync()
	}
	w.owed = append(w.owed, w.lazy...)
	w.owedBytes += len(w.buf)
	return nil
}

func (w *writer) sync() error {
	if w.offset == w.syncedEnd {
		return nil
	}
	if err := w.file.Sync(); err != nil {
		return fmt.Errorf("syncing the event log: %w", err)
	}
	w.synced, w.syncedEnd = w.sequence, w.offset
	w.j.durable.Store(w.synced)
	clear(w.owed)
	w.owed, w.owedBytes = w.owed[:0], 0
	return nil
}
