package eventlog

import (
	"context"
	"errors"

	"github.com/hookgate/hookgate/internal/eventlog/journal"
	"github.com/hookgate/hookgate/internal/eventlog/segment"
	"github.com/hookgate/hookgate/internal/eventlog/state"
	"github.com/hookgate/hookgate/module/storage"
)

// Get implements storage.Events. An event whose record is damaged is
// storage.ErrCorrupt.
func (l *Log) Get(ctx context.Context, identity storage.Identity, id storage.ID) (*storage.Record, error) {
	if err := l.enter(); err != nil {
		return nil, err
	}
	defer l.leave()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	e, _, err := l.look(identity, id)
	if err != nil {
		return nil, err
	}
	whole, err := l.read(e)
	if err != nil {
		return nil, l.unread(err)
	}
	r, err := l.record(e)
	if err != nil {
		return nil, err
	}
	r.Header, r.Body = whole.Header, whole.Body
	return &r, nil
}

// unread notes the damage that kept an event from being read, if it was that.
func (l *Log) unread(err error) error {
	if errors.Is(err, storage.ErrCorrupt) {
		l.lost.Store(true)
	}
	return err
}

// read returns an event, whole.
func (l *Log) read(e *state.Event) (whole *storage.Event, err error) {
	err = l.whereItIs(e, func(e *state.Event) error {
		_, whole, err = l.readInto(e, make([]byte, e.Place.Length))
		return err
	})
	return whole, err
}

// readInto reads an event's record into memory of its size. The body shares it.
func (l *Log) readInto(e *state.Event, raw []byte) (segment.Frame, *storage.Event, error) {
	if e.Damaged {
		return segment.Frame{}, nil, journal.ErrUnreadable
	}
	frame, err := l.journal.Read(journal.Position(e.Place), raw)
	if err != nil {
		return segment.Frame{}, nil, err
	}
	record, err := state.Decode(frame.Kind, frame.Payload, true)
	whole, ok := record.(state.Whole)
	if err != nil || !ok || whole.Integration() != e.Integration {
		return segment.Frame{}, nil, journal.ErrUnreadable
	}
	for n := range whole.Count() {
		if whole.ID(n) != e.ID {
			continue
		}
		if event := whole.Event(n); event != nil {
			return frame, event, nil
		}
	}
	return segment.Frame{}, nil, journal.ErrUnreadable
}

// whereItIs reads an event. Since it was looked up it may have been relocated, or
// purged, and its segment removed.
func (l *Log) whereItIs(e *state.Event, read func(*state.Event) error) error {
	err := read(e)
	if err == nil {
		return nil
	}
	again, _, lookErr := l.look(e.Integration, e.ID)
	switch {
	case lookErr != nil:
		return lookErr
	case again.Place == e.Place:
		return err
	}
	return read(again)
}
