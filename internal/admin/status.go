package admin

import (
	"net/http"
	"time"
)

// Trigger is the state of a resource type.
type Trigger struct {
	ResourceType string `json:"resource_type"`
	// State of its circuit: closed, open or half_open.
	State string `json:"state"`
	// InFlight counts the attempts under way.
	InFlight int `json:"in_flight"`
}

type status struct {
	Store struct {
		State         string `json:"state"`
		SizeBytes     int64  `json:"size_bytes"`
		DiskFreeBytes int64  `json:"disk_free_bytes"`
	} `json:"store"`
	Events struct {
		Pending              int   `json:"pending"`
		Failed               int   `json:"failed"`
		OldestPendingSeconds int64 `json:"oldest_pending_seconds"`
	} `json:"events"`
	Triggers []Trigger `json:"triggers"`
}

func (c *call) status() error {
	health, counts := c.Storage.Health(), c.Storage.Events().Counts()
	s := status{Triggers: []Trigger{}}
	s.Store.State, s.Store.SizeBytes, s.Store.DiskFreeBytes = health.State, health.SizeBytes, health.DiskFreeBytes
	s.Events.Pending, s.Events.Failed = counts.Pending, counts.Failed
	if !counts.OldestPending.IsZero() {
		s.Events.OldestPendingSeconds = max(0, int64(time.Since(counts.OldestPending).Seconds()))
	}
	s.Triggers = append(s.Triggers, c.Triggers()...)
	c.answer(http.StatusOK, s)
	return nil
}
