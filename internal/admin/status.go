package admin

import (
	"net/http"
	"time"

	"github.com/hookgate/hookgate/internal/adminapi"
	"github.com/hookgate/hookgate/module/storage"
)

// Source is the origin of the keys of a sender or an issuer.
type Source struct {
	Name string
	// FetchedAt and FailedAt are the times of the last successful and the last
	// failed fetch of its keys, if any.
	FetchedAt, FailedAt time.Time
	// Error is why the fetch failed.
	Error string
}

// Holdings is a gateway's current state and its limits. Nil fields, which the
// storage does not know, are not shown.
type Holdings struct {
	Health    storage.Health
	Disk      *storage.Disk
	ClockJump *time.Duration
	Counts    storage.Counts
	Usage     *storage.Usage
	Limits    *storage.Limits
	Stored    *storage.IntegrationUsage
	// InFlight are the bytes of bodies being received.
	InFlight, InFlightLimit int64
	Triggers                []adminapi.Trigger
	// Sources are the sources from which something has been fetched, by name.
	Sources []Source
	// Attempts are in flight, at most AttemptsLimit; another Aside are set aside.
	Attempts, AttemptsLimit, Aside int
	// Now is when all this was read.
	Now time.Time
}

// OldestPending is the age of the oldest pending event, or 0.
func (h *Holdings) OldestPending() time.Duration {
	if h.Counts.OldestPending.IsZero() {
		return 0
	}
	return max(0, h.Now.Sub(h.Counts.OldestPending))
}

func (c *call) status() error {
	h := c.Holdings()
	s := adminapi.Status{
		Store: adminapi.Store{State: h.Health.State, FailedAt: adminapi.StampOf(h.Health.FailedAt), Keys: c.keys()},
		Events: adminapi.Events{
			Pending:              h.Counts.Pending,
			Failed:               h.Counts.Failed,
			OldestPendingSeconds: int64(h.OldestPending().Seconds()),
		},
		Limits:   adminapi.Limits{InFlight: adminapi.Bound{Limit: h.InFlightLimit, Used: h.InFlight}},
		Triggers: append([]adminapi.Trigger{}, h.Triggers...),
	}
	addUsage(&s, &h)
	if h.Disk != nil {
		s.Store.Disk = &adminapi.Disk{SizeBytes: h.Disk.SizeBytes, FreeBytes: h.Disk.FreeBytes}
	}
	if h.Stored != nil {
		s.Store.Stored = &adminapi.Stored{Integrations: h.Stored.Integrations, ReservedIDs: h.Stored.ReservedIDs}
	}
	if h.ClockJump != nil {
		s.Clock = &adminapi.Clock{JumpSeconds: int64(h.ClockJump.Seconds())}
	}
	for _, source := range h.Sources {
		s.Sources = append(s.Sources, adminapi.Source{
			Name:      source.Name,
			FetchedAt: adminapi.StampOf(source.FetchedAt),
			FailedAt:  adminapi.StampOf(source.FailedAt),
			Error:     source.Error,
		})
	}
	c.answer(http.StatusOK, s)
	return nil
}

// addUsage adds the storage's usage, as far as it is known, and its limits.
func addUsage(s *adminapi.Status, h *Holdings) {
	if h.Limits != nil {
		s.Limits.Backlog = &adminapi.Bound{Limit: int64(h.Limits.Backlog), Used: int64(h.Counts.Pending)}
	}
	if h.Usage == nil {
		return
	}
	s.Events.EventUsage = &adminapi.EventUsage{
		PendingBytes:    h.Usage.PendingBytes,
		Stored:          h.Usage.Events,
		Counted:         h.Usage.Counted,
		PurgedDelivered: h.Usage.PurgedDelivered,
		PurgedFailed:    h.Usage.PurgedFailed,
	}
	if l := h.Usage.Largest; l.WebhookID != "" {
		s.Largest = &adminapi.Share{Project: l.Project, WebhookID: l.WebhookID, Events: l.Events, Bytes: l.Bytes}
	}
	if h.Limits != nil {
		s.Limits.Disk = &adminapi.Bound{Limit: h.Limits.Disk, Used: h.Usage.DiskBytes}
		s.Limits.IntegrationEvents = &adminapi.Bound{Limit: int64(h.Limits.Events), Used: int64(h.Usage.Largest.Events)}
	}
}
