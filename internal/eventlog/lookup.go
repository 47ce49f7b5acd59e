package eventlog

import (
	"errors"
	"fmt"
	"path/filepath"

	"go.uber.org/zap"

	"github.com/hookgate/hookgate/internal/eventlog/index"
	"github.com/hookgate/hookgate/internal/eventlog/state"
	"github.com/hookgate/hookgate/module/storage"
)

// look returns an event as it stands, and for the writer what of it came from
// the index.
func (l *Log) look(identity storage.Identity, id storage.ID) (*state.Event, state.Known, error) {
	l.mu.Lock()
	generation := l.generation
	_, gone := l.dropped[identity]
	e := l.active.Get(identity, id)
	if e == nil {
		e = l.flushing.Get(identity, id)
	}
	l.mu.Unlock()
	switch {
	case gone, e != nil && e.Purged:
		return nil, state.Known{}, storage.ErrNotFound
	case e != nil:
		return e, state.Known{}, nil
	}
	e, err := l.indexed(identity, id)
	return e, state.Known{Generation: generation, Event: e}, err
}

// lookEntry reads a dedupe entry for the writer.
func (l *Log) lookEntry(key state.DedupeKey) (state.Known, error) {
	l.mu.Lock()
	known := state.Known{Generation: l.generation}
	l.mu.Unlock()
	var err error
	known.Entry, err = l.indexedEntry(key)
	return known, err
}

// indexed reads an event from the index.
func (l *Log) indexed(identity storage.Identity, id storage.ID) (e *state.Event, err error) {
	view := l.index.View()
	defer view.Close()
	err = view.Get(idKey(eventKey, identity, id), func(value []byte) (err error) {
		e, err = state.DecodeEvent(identity, id, value)
		return err
	})
	if errors.Is(err, index.ErrNotFound) {
		return nil, storage.ErrNotFound
	}
	return e, l.indexFault(err)
}

// indexedEntry reads a dedupe entry from the index; the zero value is none.
func (l *Log) indexedEntry(key state.DedupeKey) (entry state.DedupeEntry, err error) {
	if !l.dedupe.mayHold(key) {
		return entry, nil
	}
	view := l.index.View()
	defer view.Close()
	err = view.Get(dedupeKey(key), func(value []byte) (err error) {
		entry, err = state.DecodeDedupeEntry(value)
		return err
	})
	if errors.Is(err, index.ErrNotFound) {
		return state.DedupeEntry{}, nil
	}
	return entry, l.indexFault(err)
}

// indexFault notes that the index cannot be read, so that the next start rebuilds
// it from the log.
func (l *Log) indexFault(err error) error {
	if err == nil {
		return nil
	}
	if !l.lost.Swap(true) {
		l.Logger.Error("the event index is damaged; the next start rebuilds it", zap.Error(err))
	}
	if markErr := l.distrustIndex(); markErr != nil {
		l.Logger.Warn("the event index cannot be marked as damaged", zap.Error(markErr))
	}
	return fmt.Errorf("%w: %w", storage.ErrUnavailable, err)
}

// rebuildMark is a file whose presence means that the index is not to be trusted.
func (l *Log) rebuildMark() string { return filepath.Join(l.Dir, "rebuild") }
