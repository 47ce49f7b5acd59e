package eventlog

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.uber.org/zap"

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

// lookEntry reads a dedupe entry for the writer.
func (l *Log) lookEntry(key state.DedupeKey) (state.Known, error) {
	l.mu.Lock()
	known := state.Known{Generation: l.generation}
	l.mu.Unlock()
	var err error
	known.Entry, err = l.indexedEntry(key)
	return known, err
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

// Claim implements storage.Events. An event whose record is damaged is made
// Failed with storage.AttemptCorrupt, and Claim returns storage.ErrCorrupt.
func (l *Log) Claim(ctx context.Context, identity storage.Identity, id storage.ID) (*storage.Record, error) {
	if err := l.enter(); err != nil {
		return nil, err
	}
	defer l.leave()
	e, known, err := l.look(identity, id)
	if err != nil {
		return nil, err
	}
	if e.Status != storage.Pending || e.Claimed {
		return nil, storage.ErrNotPending
	}
	whole, readErr := l.read(e)
	if readErr != nil && !errors.Is(readErr, storage.ErrCorrupt) {
		return nil, readErr
	}
	e, err = l.change(ctx, &state.Claim{Subject: state.Subject{Of: identity, ID: id}, Known: known})
	if err != nil {
		return nil, err
	}
	if readErr != nil {
		return nil, l.bury(ctx, e, readErr)
	}
	r := e.Record() // what is pending is the newest of its chain
	r.Header, r.Body = whole.Header, whole.Body
	r.Age = time.Duration(l.clock.now()-e.Since) * time.Millisecond
	return &r, nil
}

// bury fails a claimed event that nobody can read any more.
func (l *Log) bury(ctx context.Context, e *state.Event, cause error) error {
	l.lost.Store(true)
	l.Logger.Error("an accepted event is damaged", zap.String("webhook_id", e.WebhookID), zap.Stringer("event_id", e.ID), zap.Error(cause))
	_, err := l.change(context.WithoutCancel(ctx), &state.Finish{
		Subject: state.Subject{Of: e.Integration, ID: e.ID}, Status: storage.Failed,
		Attempt: storage.Attempt{At: wire.Moment(wire.Millis(l.now())), Error: storage.AttemptCorrupt},
	})
	return errors.Join(cause, err)
}

// change has one thing happen to an event, and returns the event after it.
func (l *Log) change(ctx context.Context, command state.Command) (*state.Event, error) {
	o := l.newOp(command)
	if err := l.submit(ctx, o); err != nil {
		return nil, err
	}
	return o.after, nil
}

// update is change for an event that the caller has not looked at.
func (l *Log) update(ctx context.Context, of state.Subject, command func(state.Known) state.Command) error {
	if err := l.enter(); err != nil {
		return err
	}
	defer l.leave()
	_, known, err := l.look(of.Of, of.ID)
	if err != nil {
		return err
	}
	_, err = l.change(ctx, command(known))
	return err
}

// Save implements storage.Events.
func (l *Log) Save(ctx context.Context, identity storage.Identity, id storage.ID, progress []byte) error {
	if len(progress) > maxProgress {
		return fmt.Errorf("saving progress: it has more than %d bytes", maxProgress)
	}
	of := state.Subject{Of: identity, ID: id}
	return l.update(ctx, of, func(known state.Known) state.Command {
		return &state.Save{Subject: of, Progress: append([]byte(nil), progress...), Known: known}
	})
}

// Finish implements storage.Events. Texts of the attempt beyond 1 KiB are cut.
func (l *Log) Finish(ctx context.Context, identity storage.Identity, id storage.ID, attempt storage.Attempt, status storage.Status, due time.Time) error {
	if state.StatusCode(status) == 0 {
		return fmt.Errorf("finishing an attempt: unknown status %q", status)
	}
	attempt.At = wire.Moment(wire.Millis(attempt.At))
	attempt.Error, attempt.Detail = cut(attempt.Error), cut(attempt.Detail)
	of := state.Subject{Of: identity, ID: id}
	return l.update(ctx, of, func(known state.Known) state.Command {
		return &state.Finish{Subject: of, Status: status, Due: wire.Moment(wire.Millis(due)), Attempt: attempt, Known: known}
	})
}

func cut(text string) string {
	if len(text) <= maxText {
		return text
	}
	return strings.ToValidUTF8(text[:maxText], "")
}

// Release implements storage.Events.
func (l *Log) Release(ctx context.Context, identity storage.Identity, id storage.ID, due time.Time) error {
	of := state.Subject{Of: identity, ID: id}
	return l.update(ctx, of, func(known state.Known) state.Command {
		return &state.Release{Subject: of, Due: wire.Moment(wire.Millis(due)), Known: known}
	})
}

// Drop implements storage.Events. What the index has of the integration is
// deleted a little later.
func (l *Log) Drop(ctx context.Context, identity storage.Identity, force bool) error {
	if err := l.enter(); err != nil {
		return err
	}
	defer l.leave()
	return l.submit(ctx, l.newOp(&state.Drop{Of: identity, Force: force}))
}

// Dropped implements storage.Events. Long after a drop the log has forgotten the
// identity, but there is still nothing of it that is pending.
func (l *Log) Dropped(identity storage.Identity) bool {
	return l.isDropped(identity) || l.PendingOf(identity) == 0
}

// Counts implements storage.Events. OldestPending is exact to the second.
func (l *Log) Counts() storage.Counts {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.tallies.Counts()
}

// PendingOf implements storage.Events.
func (l *Log) PendingOf(identity storage.Identity) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.tallies.PendingOf(identity).Events
}
