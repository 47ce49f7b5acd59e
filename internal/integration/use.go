package integration

import (
	"context"
	"time"

	"github.com/hookgate/hookgate/module/storage"
)

// useWait is how long a request waits for the note that it has used a webhook ID. The
// note is made all the same, and by the next request when it fails.
const useWait = time.Second

// Use notes, once and durably, that a request is accepted for an integration that is
// Unused: its webhook ID is reserved for good then. It is called before the request is
// answered.
func (s *Service) Use(ctx context.Context, in *Integration) {
	timer := time.NewTimer(useWait)
	defer timer.Stop()
	select {
	case <-s.use(context.WithoutCancel(ctx), in.WebhookID, in.Identity):
	case <-timer.C:
	case <-ctx.Done():
	}
}

// use returns what is closed when the note has been made, or cannot be made now.
func (s *Service) use(ctx context.Context, webhookID string, identity storage.Identity) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if noted := s.uses[webhookID]; noted != nil {
		return noted
	}
	noted := make(chan struct{})
	s.uses[webhookID] = noted
	go func() {
		defer close(noted)
		err := s.integrations.MarkUsed(ctx, webhookID)
		s.mu.Lock()
		delete(s.uses, webhookID)
		s.mu.Unlock()
		if err == nil {
			s.changed(webhookID, identity)
		}
	}()
	return noted
}

// Usage returns what a project has stored, or all projects together with project "";
// nil where the storage does not count that.
func (s *Service) Usage(ctx context.Context, project string) (*storage.IntegrationUsage, error) {
	meter, ok := s.integrations.(storage.IntegrationMeter)
	if !ok {
		return nil, nil
	}
	usage, err := meter.Usage(ctx, project)
	return &usage, err
}
