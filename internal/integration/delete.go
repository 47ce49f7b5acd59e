package integration

import (
	"context"
	"errors"

	"github.com/hookgate/hookgate/module/storage"
)

// Delete deletes an integration of a project with its events. While events
// are pending it fails, unless forced; when it returns, no attempt for an
// event of it begins.
func (s *Service) Delete(ctx context.Context, view View, project, webhookID string, force bool, condition Precondition) error {
	defer s.turn(webhookID)()
	for range maxTries {
		current, record, err := s.own(ctx, view, project, webhookID, condition)
		if errors.Is(err, ErrNotFound) && record.Deleted && record.Project == project && len(record.Value) > 0 {
			return s.drop(ctx, record, true) // a deletion that was cut short
		}
		if err != nil {
			return err
		}
		if !force && s.events.PendingOf(current.Identity) > 0 {
			return ErrPending
		}
		marked := record
		// The identity stays in the record until its events are dropped.
		marked.Deleted, marked.Value = true, current.Identity[:]
		marked.Revision, err = s.put(ctx, marked, current.Identity)
		if errors.Is(err, storage.ErrConflict) {
			continue
		}
		if err != nil {
			return err
		}
		err = s.drop(ctx, marked, force)
		if errors.Is(err, storage.ErrPending) {
			return s.revive(ctx, record, marked.Revision, current.Identity)
		}
		return err
	}
	return storage.ErrConflict
}

// revive takes a deletion back, because an event was accepted while it was
// being written.
func (s *Service) revive(ctx context.Context, record storage.Integration, revision uint64, identity storage.Identity) error {
	record.Revision = revision
	if _, err := s.put(context.WithoutCancel(ctx), record, identity); err != nil {
		return err
	}
	return ErrPending
}

// drop ends a deletion: the events go, and then what the record says of them.
func (s *Service) drop(ctx context.Context, record storage.Integration, force bool) error {
	if len(record.Value) != len(storage.Identity{}) {
		return storage.ErrCorrupt
	}
	identity := storage.Identity(record.Value)
	ctx = context.WithoutCancel(ctx) // a caller who leaves does not cut it short
	if err := s.events.Drop(ctx, identity, force); err != nil {
		return err
	}
	record.Value = nil
	// Dropping twice does no harm, so this may fail: the events are gone.
	_, _ = s.put(ctx, record, identity)
	return nil
}
