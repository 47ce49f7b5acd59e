package eventlog

import (
	"context"
	"errors"
	"fmt"

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
	e.ReceivedAt = moment(millis(l.now()))
	e.Alias, e.ResourceType, e.ResourceID = replay.Alias, replay.ResourceType, replay.ResourceID
	if err := l.check(e, storage.Dedupe{}, nil); err != nil {
		return storage.ID{}, fmt.Errorf("replaying an event: %w", err)
	}
	o := newOp()
	defer o.free()
	o.record = record{kind: replayed, identity: identity, event: e, replayOf: id}
	o.once, o.known = replay.Once, known
	if err := l.submitInTurn(ctx, o); err != nil {
		return storage.ID{}, err
	}
	return o.event.ID, nil
}

// decideReplay says whether an event may be replayed, upon the first of its
// chain.
func (w *writer) decideReplay(o *op) (change, verdict, error) {
	r := &o.record
	of, err := w.find(r.identity, r.replayOf, &o.known)
	if err != nil {
		return change{}, noop, err
	}
	first, newest, err := w.findChain(of, &o.known)
	switch {
	case err != nil:
		return change{}, noop, err
	case newest.now.Status == storage.Pending:
		return change{}, noop, storage.ErrPending
	case o.once && newest.now.ID != r.replayOf:
		return change{}, noop, storage.ErrReplayed
	}
	if err := w.begin(r); err != nil {
		return change{}, noop, err
	}
	r.first = first.now.ID
	return first, write, nil
}

// findChain returns the ends of an event's chain as the group leaves them.
func (w *writer) findChain(of change, known *prefetched) (first, newest change, err error) {
	return ends(of, func(id storage.ID) (change, error) { return w.find(of.now.Integration, id, known) })
}

// record is the event as others see it.
func (l *Log) record(e *event) (storage.Record, error) {
	_, newest, err := ends(change{now: e}, func(id storage.ID) (change, error) {
		found, _, err := l.look(e.Integration, id)
		return change{now: found}, err
	})
	if err != nil {
		return storage.Record{}, err
	}
	r := e.record()
	r.Newest = newest.now.ID
	return r, nil
}

// ends returns the first and the newest event of a chain. Where one was lost, the
// one that led to it takes its place.
func ends(of change, find func(storage.ID) (change, error)) (first, newest change, err error) {
	if first, err = follow(of, of.now.chain.first, find); err != nil {
		return first, newest, err
	}
	newest, err = follow(first, first.now.chain.newest, find)
	return first, newest, err
}

// follow returns the event of the ID, if there is one.
func follow(from change, id storage.ID, find func(storage.ID) (change, error)) (change, error) {
	if id.IsZero() {
		return from, nil
	}
	found, err := find(id)
	if errors.Is(err, storage.ErrNotFound) {
		return from, nil
	}
	return found, err
}
