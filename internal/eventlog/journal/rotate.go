package journal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"go.uber.org/zap"

	"github.com/hookgate/hookgate/internal/eventlog/segment"
)

const (
	// minSegment is the smallest segment that a full disk is asked for.
	minSegment = 1 << 20
	// firstSegment is the size of a segment that a caller waits for. Those that
	// are prepared are four times as large as the one before.
	firstSegment = 2 << 20
)

// newSuffix marks a segment's file before it has a header and a number.
const newSuffix = ".new"

// prepared is a file with blocks that waits to become a segment.
type prepared struct {
	file segment.File
	path string
	size int64
	err  error
}

// prepare makes the next segment's file in the background once this one is half
// full, so that a rotation does not wait for the disk.
func (w *writer) prepare() {
	if w.next != nil || w.offset < w.limit/2 {
		return
	}
	ready, size := make(chan prepared, 1), 4*w.limit
	w.next = ready
	w.j.wait.Go(func() { ready <- w.j.newFile("next", size, 0) })
}

// obtain returns a file with room for a record of the given size.
func (w *writer) obtain(room int64) prepared {
	if w.next == nil {
		return w.j.newFile("next", firstSegment, room)
	}
	next := <-w.next
	if next.err != nil {
		w.next = nil
		return w.j.newFile("next", firstSegment, room)
	}
	if next.size < segment.Start+room {
		w.next <- next // for the segment after this one
		return w.j.newFile("large", 0, room)
	}
	w.next = nil
	return next
}

// newFile makes the file of a segment: as large as it should be, or as the disk
// allows.
func (j *Journal) newFile(name string, size, room int64) prepared {
	least := segment.Start + room
	size = min(size, j.SegmentSize)
	if free, err := j.Disk.Space(j.Dir); err == nil {
		size = min(size, free/8)
	}
	if most := j.MaxSegment(); most > 0 {
		size = min(size, most) // so that removing one is a step that counts
	}
	size = max(size, least, min(minSegment, j.SegmentSize))
	path := filepath.Join(j.Dir, name+newSuffix)
	for {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return prepared{err: fmt.Errorf("creating a segment: %w", err)}
		}
		file, err := j.Disk.Create(path, size)
		if err == nil {
			return prepared{file: file, path: path, size: size}
		}
		if size/4 < max(least, minSegment) {
			return prepared{err: fmt.Errorf("creating a segment: %w", err)}
		}
		size /= 4
	}
}

// activate begins a segment with room for a record of the given size, behind
// the last durable record. Its header is durable before its name is, so every
// file with a segment's name has had a header.
func (w *writer) activate(room int64) error {
	header := segment.NewHeader()
	header.Number = w.header.Number + 1
	header.First = w.sequence + 1
	header.PreviousEnd, header.PreviousLast = w.syncedEnd, w.synced
	header.Created = w.j.Now().UnixMilli()
	header.Age = w.j.Age()
	header.LastID = w.j.owner.LastID()

	file := w.obtain(room)
	if file.err != nil {
		return file.err
	}
	_, err := file.file.WriteAt(header.Encode(w.j.Key), 0)
	if err == nil {
		err = file.file.Sync()
	}
	if err == nil {
		err = w.j.Disk.Rename(file.path, w.j.path(header.Number))
	}
	if err != nil {
		return errors.Join(fmt.Errorf("beginning a segment: %w", err), file.file.Close())
	}
	w.trim()
	w.header, w.aead = header, header.AEAD(w.j.Key)
	w.file, w.limit = file.file, file.size
	w.offset, w.syncedEnd, w.synced = segment.Start, segment.Start, w.sequence
	w.stirred = false
	w.j.place.Store(&Place{Segment: header.Number, Salt: header.Salt})
	w.j.durable.Store(w.synced)
	w.j.segments.add(Segment{Number: header.Number, Size: file.size, Header: header})
	w.j.owner.Rotated(header.Age)
	return nil
}

// rotate goes on in the next segment.
func (w *writer) rotate(room int64) {
	if w.file == nil {
		return // the commit before it failed
	}
	w.release()
	err := w.sync()
	if err == nil {
		old := w.file
		if err = w.activate(room); err == nil {
			err = old.Close()
		}
	}
	if err != nil {
		w.abandon(err)
	}
}

// trim cuts the present segment behind its last durable record. That only saves
// space.
func (w *writer) trim() {
	if w.limit == 0 {
		return // there is none, or recovery found something behind its end
	}
	if err := w.j.Disk.Truncate(w.j.path(w.header.Number), w.syncedEnd); err != nil {
		w.j.Logger.Warn("a segment of the event log cannot be trimmed", zap.Error(err))
		return
	}
	w.j.segments.trimmed(w.header.Number, w.syncedEnd)
}

// close ends the log's last segment.
func (w *writer) close() error {
	var errs []error
	if w.next != nil {
		if next := <-w.next; next.err == nil {
			errs = append(errs, next.file.Close(), os.Remove(next.path))
		}
		w.next = nil
	}
	if w.file != nil {
		if err := w.sync(); err != nil {
			errs = append(errs, err)
		} else {
			w.trim()
		}
		errs = append(errs, w.file.Close())
		w.file = nil
	}
	if len(w.owed) > 0 {
		w.j.Logger.Warn("the results of some attempts could not be written; the attempts are repeated", zap.Int("records", len(w.owed)))
	}
	return errors.Join(errs...)
}
