package storage

import (
	"context"
	"time"
)

// Limiter is Events that keep within limits. To be one is optional.
type Limiter interface {
	// SetLimits puts other limits in force, at once.
	SetLimits(limits Limits)
}

// Meter is Events that know what they hold. To be one is optional.
type Meter interface {
	// Usage returns what Limits bound. What others hold may be as it was a second
	// ago.
	Usage() Usage
}

// IntegrationLimiter is Integrations that keep within limits. To be one is optional.
type IntegrationLimiter interface {
	// SetLimits puts other limits in force, at once.
	SetLimits(limits IntegrationLimits)
}

// IntegrationMeter is Integrations that know what they hold. To be one is optional.
type IntegrationMeter interface {
	// Usage returns what a project has of what IntegrationLimits bound, or all
	// projects together with project "".
	Usage(ctx context.Context, project string) (IntegrationUsage, error)
}

// Limits bound what Events keeps. Zero means no bound; for a duration, for
// ever. Of the disk and the backlog one integration may hold a quarter, and one
// project half: what goes beyond that refuses its own events only.
type Limits struct {
	// Disk bounds the bytes of the log with its index. Near it, delivered events
	// are purged before their time, the oldest first, and then failed ones of the
	// integration that holds most. Pending events are never purged.
	Disk int64
	// Backlog bounds the pending events.
	Backlog int
	// Events bounds the events of one integration, of any status. Near it, its
	// oldest settled ones are purged.
	Events int
	// Delivered is how long an event is kept after it was delivered, and Failed
	// after it has failed for good.
	Delivered, Failed time.Duration
	// Remember is how long after its receipt a purged event is still found as the
	// first of its copies.
	Remember time.Duration
}

// IntegrationLimits bound what a project has in Integrations. Zero means no bound. What
// makes a project's part larger is refused beyond them; a deletion never is.
type IntegrationLimits struct {
	// Integrations bounds the integrations and reserved webhook IDs together.
	Integrations int
	// Bytes bounds what they take as they are stored.
	Bytes int64
}

// IntegrationUsage is what IntegrationLimits bound, as it is now.
type IntegrationUsage struct {
	Integrations int
	// ReservedIDs are those of deleted integrations.
	ReservedIDs int
	Bytes       int64
}

// Usage is what Limits bound, as it is now.
type Usage struct {
	// DiskBytes are those of the log with its index.
	DiskBytes int64
	// Events and Bytes are of all events, PendingEvents and PendingBytes of the
	// pending ones. Bytes are as stored; those that events share count for each.
	Events, PendingEvents int
	Bytes, PendingBytes   int64
	// Counted says that Events and both numbers of bytes are complete. What was
	// there when the storage was opened is counted in the background; until then
	// only the limits on pending events and on the disk as a whole hold.
	Counted bool
	// Largest is the integration that holds most bytes.
	Largest Share
	// PurgedDelivered and PurgedFailed count the events that were purged since
	// the storage was opened.
	PurgedDelivered, PurgedFailed uint64
}

// Share is what one integration holds.
type Share struct {
	Integration Identity
	WebhookID   string
	Project     string
	Events      int
	Bytes       int64
}

// What a LimitError names.
const (
	LimitDisk               = "disk"
	LimitBacklog            = "backlog"
	LimitIntegrationBacklog = "integration_backlog"
	LimitIntegrationDisk    = "integration_disk"
	LimitIntegrationEvents  = "integration_events"
	LimitProjectBacklog     = "project_backlog"
	LimitProjectDisk        = "project_disk"

	LimitProjectIntegrations     = "project_integrations"
	LimitProjectIntegrationBytes = "project_integration_bytes"
)

// LimitError is an ErrUnavailable that says which limit is reached.
type LimitError struct {
	Limit string
}

func (e *LimitError) Error() string {
	return "the storage is unavailable: the limit " + e.Limit + " is reached"
}

// Is has every LimitError be an ErrUnavailable.
func (e *LimitError) Is(target error) bool { return target == ErrUnavailable }
