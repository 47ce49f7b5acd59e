package integration

import (
	"context"
	"time"

	"github.com/hookgate/hookgate/module/storage"
)

// followWait is how long it is asked which integration another process has changed.
const followWait = 5 * time.Second

// Follow has the functions of OnChange called for what other processes that share
// the storage write, too, until stop: at once with the zero identity, and again with
// the integration's when that is known.
func (s *Service) Follow() (stop func(), err error) {
	var none storage.Identity
	return s.integrations.Changes(func(webhookID string) {
		s.changed(webhookID, none)
		ctx, cancel := context.WithTimeout(context.Background(), followWait)
		defer cancel()
		if identity := s.identity(ctx, webhookID); identity != none {
			s.changed(webhookID, identity)
		}
	})
}

// identity returns that of the integration, or of the deleted one whose events are
// being dropped.
func (s *Service) identity(ctx context.Context, webhookID string) (none storage.Identity) {
	record, err := s.integrations.Get(ctx, webhookID)
	switch {
	case err != nil:
		return none
	case record.Deleted && len(record.Value) == len(none):
		return storage.Identity(record.Value)
	case record.Deleted:
		return none
	}
	in, err := Decode(record)
	if err != nil {
		return none
	}
	return in.Identity
}
