package eventlog

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"go.uber.org/zap"

	"github.com/hookgate/hookgate/internal/eventlog/index"
	"github.com/hookgate/hookgate/internal/eventlog/journal"
	"github.com/hookgate/hookgate/internal/wire"
	"github.com/hookgate/hookgate/module/storage"
)

// recover brings the log to where the last process left it: it opens the index,
// or rebuilds it when it is damaged, and takes from the journal what the index does
// not have.
func (l *Log) recover() (err error) {
	l.journal, err = journal.Open(journal.Options{
		Dir: l.segmentDir(), Key: l.Key, Logger: l.Logger, Disk: l.disk,
		SegmentSize: l.SegmentSize, GroupSize: l.GroupSize, RetryMin: l.retryMin, RetryMax: l.retryMax,
		MaxSegment: func() int64 { return l.limits.Load().Disk / 32 },
		Now:        l.now, Age: l.clock.now,
	}, l.machine)
	if err != nil {
		return err
	}
	if err := l.space.needOrReserve(openFloor); err != nil {
		return fmt.Errorf("opening the event log: %w", err)
	}
	mark, err := l.openIndex()
	if err != nil {
		return err
	}
	if err := l.loadDropped(); err != nil {
		return err
	}
	r := newRecovery(l, mark)
	if err := r.run(); err != nil {
		return err
	}
	l.clock.begin(r.note)
	l.indexBytes.Store(l.indexSize())
	l.start = l.index.View()
	if err := l.begin(); err != nil {
		l.start.Close()
		return err
	}
	return nil
}

// begin makes the log ready to be written.
func (l *Log) begin() error {
	if err := l.loadTallies(); err != nil {
		return err
	}
	l.compactor = l.newCompactor()
	if err := l.journal.Activate(); err != nil {
		return err
	}
	if err := l.space.keepReserve(); err != nil {
		l.Logger.Warn("the event log could not reserve disk space", zap.Error(err))
	}
	return nil
}

// openIndex opens the index and returns how far it is. One that is damaged or
// of another log is moved aside, and an empty one takes its place. So is one
// that the last process could not read.
func (l *Log) openIndex() (mark watermark, err error) {
	_, err = os.Stat(l.rebuildMark())
	distrusted := err == nil
	if !distrusted {
		if mark, err = l.tryIndex(); err == nil {
			return mark, nil
		}
		l.Logger.Error("the event index cannot be used; it is rebuilt from the log", zap.Error(err))
	}
	if err := l.replaceIndex(); err != nil {
		return watermark{}, err
	}
	if err := os.Remove(l.rebuildMark()); distrusted && err != nil {
		return watermark{}, fmt.Errorf("opening the event index: %w", err)
	}
	return watermark{}, nil
}

// replaceIndex moves the index aside and makes an empty one.
func (l *Log) replaceIndex() error {
	if l.index != nil {
		if err := l.index.Close(); err != nil {
			l.Logger.Warn("closing the damaged index", zap.Error(err))
		}
		l.index = nil
	}
	aside := l.indexDir() + ".damaged"
	if err := os.RemoveAll(aside); err != nil {
		return fmt.Errorf("moving the damaged index aside: %w", err)
	}
	if err := os.Rename(l.indexDir(), aside); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("moving the damaged index aside: %w", err)
	}
	var err error
	l.index, err = l.newIndex()
	return err
}

func (l *Log) newIndex() (*index.Index, error) {
	return index.Open(l.indexDir(), index.Options{
		Key:    l.Key,
		Logger: l.Logger,
		Spare:  func(bytes int64) error { return l.space.need(indexFloor + bytes) },
		Verify: l.verify,
		// The log says so, and the next start rebuilds the index.
		Damaged: func(err error) { _ = l.indexFault(err) },
	})
}

// tryIndex opens the index and compares it with the segments.
func (l *Log) tryIndex() (mark watermark, err error) {
	if l.index, err = l.newIndex(); err != nil {
		return watermark{}, err
	}
	view := l.index.View()
	defer view.Close()
	err = view.Get([]byte{watermarkKey}, func(value []byte) (err error) {
		mark, err = decodeWatermark(value)
		return err
	})
	if errors.Is(err, index.ErrNotFound) {
		return watermark{}, l.checkFresh(view)
	}
	if err != nil {
		return watermark{}, err
	}
	if !l.journal.Has(mark.Mark) {
		l.lost.Store(true)
		return watermark{}, fmt.Errorf("the index has seen record %d, which the log does not have", mark.Sequence)
	}
	return mark, nil
}

// checkFresh is an error when an index without a watermark has something: it
// was cut short.
func (l *Log) checkFresh(view index.View) error {
	return view.Keys(nil, func([]byte) (bool, error) {
		return false, errors.New("the index has no watermark")
	})
}

// distrustIndex makes the next start rebuild the index.
func (l *Log) distrustIndex() error {
	file, err := os.OpenFile(l.rebuildMark(), os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return file.Close()
}

// loadDropped reads which integrations were dropped.
func (l *Log) loadDropped() error {
	view := l.index.View()
	defer view.Close()
	defer l.flusher.sortForgets()
	return view.Ascend([]byte{droppedKey}, func(key, value []byte) (bool, error) {
		if len(key) != 1+len(storage.Identity{}) {
			return false, wire.ErrMalformed
		}
		return true, l.flusher.load(storage.Identity(key[1:]), value)
	})
}

// loadTallies counts what is in the index by its keys, and what is not there yet: for
// an event in memory, the index may have nothing or something outdated. A scan beside
// the service counts the rest.
func (l *Log) loadTallies() error {
	for prefix, status := range map[byte]storage.Status{pendingKey: storage.Pending, failedKey: storage.Failed} {
		err := l.start.Keys([]byte{prefix}, func(key []byte) (bool, error) {
			identity, id, err := parseIDKey(key)
			_, gone := l.dropped[identity]
			if err == nil && !gone && l.active.Get(identity, id) == nil {
				l.tallies.Found(identity, id, status)
			}
			return true, err
		})
		if err != nil {
			return fmt.Errorf("counting events: %w", err)
		}
	}
	for _, of := range l.active.Events {
		for id, c := range of {
			l.recent[id] = struct{}{}
			l.tallies.Move(nil, c.Now)
		}
	}
	return nil
}
