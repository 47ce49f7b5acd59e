package eventlog

import (
	"context"
	"fmt"

	"github.com/hookgate/hookgate/internal/eventlog/state"
	"github.com/hookgate/hookgate/internal/wire"
	"github.com/hookgate/hookgate/module/storage"
)

// Replay implements storage.Events. Once the event is queued it waits for its
// group, whatever becomes of ctx.
func (l *Log) Replay(ctx context.Context, identity storage.Identity, id storage.ID, replay storage.Replay) (storage.ID, error) {
	if err := l.enter(); err != nil {
		return storage.ID{}, err
	}
	defer l.leave()
	if err := l.waitForIndex(ctx); err != nil {
		return storage.ID{}, err
	}
	of, known, err := l.look(identity, id)
	if err != nil {
		return storage.ID{}, err
	}
	e, err := l.read(of)
	if err != nil {
		return storage.ID{}, l.unread(err)
	}
	e.ReceivedAt = wire.Moment(wire.Millis(l.now()))
	e.Alias, e.ResourceType, e.ResourceID = replay.Alias, replay.ResourceType, replay.ResourceID
	if err := l.check(e, storage.Dedupe{}, nil); err != nil {
		return storage.ID{}, fmt.Errorf("replaying an event: %w", err)
	}
	command := state.NewReplay(id, e)
	command.Once, command.Known = replay.Once, known
	if err := l.submitInTurn(ctx, l.newOp(command)); err != nil {
		return storage.ID{}, err
	}
	return command.ID(), nil
}

// record is the event as others see it.
func (l *Log) record(e *state.Event) (storage.Record, error) {
	_, newest, err := state.Ends(state.Change{Now: e}, func(id storage.ID) (state.Change, error) {
		found, _, err := l.look(e.Integration, id)
		return state.Change{Now: found}, err
	})
	if err != nil {
		return storage.Record{}, err
	}
	r := e.Record()
	r.Newest = newest.Now.ID
	return r, nil
}
