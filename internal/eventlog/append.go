package eventlog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hookgate/hookgate/internal/eventlog/state"
	"github.com/hookgate/hookgate/internal/wire"
	"github.com/hookgate/hookgate/module/storage"
)

// What the index can hold of one event is bounded, and with it these, in bytes.
const (
	maxKey      = 1 << 10
	maxEnvelope = 64 << 10
	maxProgress = 256 << 10
	maxText     = 1 << 10 // of an attempt: the rest is cut
)

// maxFurther bounds the further resources of one append.
const maxFurther = 255

// maxWait is how long an append waits for an index that is behind.
const maxWait = 5 * time.Second

// Append implements storage.Events. Once the event is queued it waits for its
// group, whatever becomes of ctx. An event of a dropped integration is
// storage.ErrNotFound.
func (l *Log) Append(ctx context.Context, e *storage.Event, dedupe storage.Dedupe, further ...storage.Resource) (storage.ID, storage.Outcome, error) {
	if err := l.enter(); err != nil {
		return storage.ID{}, 0, err
	}
	defer l.leave()
	if err := l.check(e, dedupe, further); err != nil {
		return storage.ID{}, 0, fmt.Errorf("appending an event: %w", err)
	}
	if err := l.waitForIndex(ctx); err != nil {
		return storage.ID{}, 0, err
	}
	if e.ReceivedAt.IsZero() {
		e.ReceivedAt = l.now()
	}
	e.ReceivedAt = wire.Moment(wire.Millis(e.ReceivedAt))

	a := l.newAppendOp(e, dedupe, further)
	defer a.free()
	if key := a.Key(); key != "" {
		var err error
		if a.Known, err = l.lookEntry(state.DedupeKey{Integration: e.Integration, Key: key}); err != nil {
			return storage.ID{}, 0, err
		}
	}
	if err := l.submitInTurn(ctx, &a.op); err != nil {
		return storage.ID{}, 0, err
	}
	return a.Stands, a.Outcome, nil
}

// check refuses what the log cannot keep.
func (l *Log) check(e *storage.Event, dedupe storage.Dedupe, further []storage.Resource) error {
	envelope := state.EnvelopeSize(e)
	for _, resource := range further {
		envelope += int64(len(resource.Type) + len(resource.ID))
	}
	switch {
	case len(further) > maxFurther:
		return fmt.Errorf("there are more than %d further resources", maxFurther)
	case int64(len(e.Body)) > l.MaxBody:
		return fmt.Errorf("the body has more than %d bytes", l.MaxBody)
	case envelope > maxEnvelope:
		return fmt.Errorf("the fields have more than %d bytes", maxEnvelope)
	case max(len(dedupe.Key), len(dedupe.Former)) > maxKey:
		return fmt.Errorf("the dedupe key has more than %d bytes", maxKey)
	}
	return nil
}

// waitForIndex keeps what waits for the index in memory bounded.
func (l *Log) waitForIndex(ctx context.Context) error {
	var timeout <-chan time.Time
	for {
		behind, caughtUp := l.behind()
		if !behind {
			return nil
		}
		l.flusher.hurry()
		if timeout == nil {
			timer := time.NewTimer(maxWait)
			defer timer.Stop()
			timeout = timer.C
		}
		select {
		case <-caughtUp:
		case <-ctx.Done():
			return ctx.Err()
		case <-timeout:
			return fmt.Errorf("%w: the event index is behind", storage.ErrUnavailable)
		}
	}
}

// submit hands an op to the writer and waits for its answer.
func (l *Log) submit(ctx context.Context, o *op) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return l.journal.Do(&o.Call)
}

// submitInTurn is submit for an event, for which the compactor may make room.
func (l *Log) submitInTurn(ctx context.Context, o *op) (err error) {
	for range 3 {
		err = l.submit(ctx, o)
		limit, ok := errors.AsType[*storage.LimitError](err)
		if !ok || limit.Limit != storage.LimitIntegrationEvents && limit.Limit != storage.LimitDisk {
			return err
		}
		l.compactor.WaitTurn(ctx)
	}
	return err
}
