package admin

import (
	"net/http"
	"time"

	"github.com/hookgate/hookgate/module/storage"
)

// Trigger is the state of a resource type.
type Trigger struct {
	ResourceType string `json:"resource_type"`
	// State of its endpoint's circuit: closed, open or half_open.
	State string `json:"state"`
	// InFlight counts the attempts under way, Aside those of them that are set
	// aside.
	InFlight int `json:"in_flight"`
	Aside    int `json:"-"`
	// Open counts the other circuits that are not closed.
	Open OpenCircuits `json:"open"`
}

// OpenCircuits counts what has an open circuit for a trigger.
type OpenCircuits struct {
	Projects  int `json:"projects"`
	Resources int `json:"resources"`
}

// Source is where the keys of a sender or an issuer come from.
type Source struct {
	Name string
	// FetchedAt and FailedAt are the last times at which its keys could be
	// fetched and could not, if any.
	FetchedAt, FailedAt time.Time
	// Error is why they could not.
	Error string
}

// Holdings is what a gateway keeps and does at a time, beside its bounds. What is nil
// is not shown: the storage does not know it.
type Holdings struct {
	Health    storage.Health
	Disk      *storage.Disk
	ClockJump *time.Duration
	Counts    storage.Counts
	Usage     *storage.Usage
	Limits    *storage.Limits
	Stored    *storage.IntegrationUsage
	// InFlight are the bytes of bodies that are being received.
	InFlight, InFlightLimit int64
	Triggers                []Trigger
	// Sources are those from which something has been fetched, by name.
	Sources []Source
	// Attempts are under way, AttemptsLimit at most; Aside more are set aside.
	Attempts, AttemptsLimit, Aside int
	// Now is when all this was read.
	Now time.Time
}

// OldestPending is the age of the oldest pending event, 0 without one.
func (h *Holdings) OldestPending() time.Duration {
	if h.Counts.OldestPending.IsZero() {
		return 0
	}
	return max(0, h.Now.Sub(h.Counts.OldestPending))
}

type status struct {
	Store    storeStatus  `json:"store"`
	Events   eventsStatus `json:"events"`
	Limits   limitsStatus `json:"limits"`
	Largest  *share       `json:"largest"` // null while nothing is stored
	Clock    *clockStatus `json:"clock,omitempty"`
	Triggers []Trigger    `json:"triggers"`
	// Sources are those of fetched keys.
	Sources []sourceStatus `json:"key_sources,omitempty"`
}

type sourceStatus struct {
	Name      string `json:"name"`
	FetchedAt *stamp `json:"fetched_at"`
	FailedAt  *stamp `json:"failed_at"`
	Error     string `json:"error,omitempty"`
}

type storeStatus struct {
	State         string      `json:"state"`
	SizeBytes     *int64      `json:"size_bytes,omitempty"`
	DiskFreeBytes *int64      `json:"disk_free_bytes,omitempty"`
	FailedAt      *stamp      `json:"failed_at"` // null while no write failed
	Integrations  *int        `json:"integrations,omitempty"`
	ReservedIDs   *int        `json:"reserved_ids,omitempty"`
	Keys          []keyStatus `json:"keys,omitempty"`
}

type eventsStatus struct {
	Pending              int   `json:"pending"`
	Failed               int   `json:"failed"`
	OldestPendingSeconds int64 `json:"oldest_pending_seconds"`
	*usageStatus               // nil where the storage does not count them
}

type usageStatus struct {
	PendingBytes    int64  `json:"pending_bytes"`
	Stored          int    `json:"stored"`
	Counted         bool   `json:"counted"` // both of the above are complete
	PurgedDelivered uint64 `json:"purged_delivered"`
	PurgedFailed    uint64 `json:"purged_failed"`
}

// limitsStatus has the bounds by the names of their options.
type limitsStatus struct {
	Disk              *bound `json:"disk,omitempty"`               // bytes
	Backlog           *bound `json:"backlog,omitempty"`            // events
	IntegrationEvents *bound `json:"integration_events,omitempty"` // of the largest
	InFlight          bound  `json:"in_flight"`                    // bytes
}

type bound struct {
	Limit int64 `json:"limit"`
	Used  int64 `json:"used"`
}

// share is the integration that holds most bytes.
type share struct {
	Project   string `json:"project"`
	WebhookID string `json:"webhook_id"`
	Events    int    `json:"events"`
	Bytes     int64  `json:"bytes"`
}

type clockStatus struct {
	JumpSeconds int64 `json:"jump_seconds"`
}

func (c *call) status() error {
	h := c.Holdings()
	s := status{
		Store: storeStatus{State: h.Health.State, FailedAt: stampOf(h.Health.FailedAt), Keys: c.keys()},
		Events: eventsStatus{
			Pending:              h.Counts.Pending,
			Failed:               h.Counts.Failed,
			OldestPendingSeconds: int64(h.OldestPending().Seconds()),
		},
		Limits:   limitsStatus{InFlight: bound{h.InFlightLimit, h.InFlight}},
		Triggers: append([]Trigger{}, h.Triggers...),
	}
	s.addUsage(&h)
	if h.Disk != nil {
		s.Store.SizeBytes, s.Store.DiskFreeBytes = &h.Disk.SizeBytes, &h.Disk.FreeBytes
	}
	if h.Stored != nil {
		s.Store.Integrations, s.Store.ReservedIDs = &h.Stored.Integrations, &h.Stored.ReservedIDs
	}
	if h.ClockJump != nil {
		s.Clock = &clockStatus{int64(h.ClockJump.Seconds())}
	}
	for _, source := range h.Sources {
		s.Sources = append(s.Sources, sourceStatus{source.Name, stampOf(source.FetchedAt), stampOf(source.FailedAt), source.Error})
	}
	c.answer(http.StatusOK, s)
	return nil
}

// addUsage adds what the storage has, as far as it knows, beside its limits.
func (s *status) addUsage(h *Holdings) {
	if h.Limits != nil {
		s.Limits.Backlog = &bound{int64(h.Limits.Backlog), int64(h.Counts.Pending)}
	}
	if h.Usage == nil {
		return
	}
	s.Events.usageStatus = &usageStatus{
		PendingBytes:    h.Usage.PendingBytes,
		Stored:          h.Usage.Events,
		Counted:         h.Usage.Counted,
		PurgedDelivered: h.Usage.PurgedDelivered,
		PurgedFailed:    h.Usage.PurgedFailed,
	}
	if l := h.Usage.Largest; l.WebhookID != "" {
		s.Largest = &share{l.Project, l.WebhookID, l.Events, l.Bytes}
	}
	if h.Limits != nil {
		s.Limits.Disk = &bound{h.Limits.Disk, h.Usage.DiskBytes}
		s.Limits.IntegrationEvents = &bound{int64(h.Limits.Events), int64(h.Usage.Largest.Events)}
	}
}

// stampOf returns nil for a time that has not been.
func stampOf(at time.Time) *stamp {
	if at.IsZero() {
		return nil
	}
	written := stamp(at)
	return &written
}
