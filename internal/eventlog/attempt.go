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
