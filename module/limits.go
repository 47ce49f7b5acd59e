package module

import (
	"cmp"
	"fmt"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/hookgate/hookgate/internal/gate"
	"github.com/hookgate/hookgate/module/internal/option"
	"github.com/hookgate/hookgate/module/storage"
)

// Limits bound what the gateway stores and receives. A request over a limit is refused
// with 503, Retry-After and the limit's name in words, or over the admin API with 409.
// No accepted pending event is ever dropped because of a limit.
//
// An integration may hold a quarter of the disk and of the backlog, and a project half.
// Beyond that, only that integration or project is refused.
type Limits struct {
	// Disk is how many bytes the events and their index may take. When little is left,
	// delivered events are purged early, the oldest first, and then failed ones. At least 67108864 (64 MiB). Default: 21474836480 (20 GiB).
	Disk int64 `json:"disk,omitempty"`

	// Backlog is how many events may be pending. At least 4. Default: 4000000.
	Backlog int `json:"backlog,omitempty"`

	// IntegrationEvents is how many events of one integration are kept, pending or not;
	// its oldest finished events are purged early. At least 16. Default: 2000000.
	IntegrationEvents int `json:"integration_events,omitempty"`

	// InFlight is how many bytes of request bodies may be in memory while they are
	// received and stored. One integration, and one client, may hold a quarter of it;
	// all bodies that are not authenticated yet, half; and bodies of more than 1 MiB
	// leave a sixteenth of each to smaller ones. At least 1048576 (1 MiB).
	// Default: 268435456 (256 MiB).
	InFlight int64 `json:"in_flight,omitempty"`

	// ProjectIntegrations is how many integrations and reserved webhook IDs a project
	// may have stored; declared integrations do not count. Default: 10000.
	ProjectIntegrations int `json:"project_integrations,omitempty"`

	// ProjectIntegrationBytes is how many bytes they may take as stored. At least 1024 (1 KiB). Default: 67108864 (64 MiB).
	ProjectIntegrationBytes int64 `json:"project_integration_bytes,omitempty"`
}

// Retention is how long finished events are kept. Pending events are always kept.
type Retention struct {
	// Delivered is how long an event is kept after its delivery. Default: 7d.
	Delivered caddy.Duration `json:"delivered,omitempty"`

	// Failed is how long an event that failed for good is kept and can be replayed.
	// Default: 30d.
	Failed caddy.Duration `json:"failed,omitempty"`
}

// The smallest values that make sense: the log needs room for its segments and its
// index, a quarter of the backlog must be at least one event, and an integration's
// surplus events are purged a sixteenth at a time.
const (
	leastDisk              = 64 << 20
	leastBacklog           = 4
	leastIntegrationEvents = 16
	leastInFlight          = 1 << 20
	leastIntegrations      = 1
	leastIntegrationBytes  = 1 << 10
	mostBytes              = 1 << 50
)

// UnmarshalCaddyfile reads the block of the limits option; see
// parseGlobalOption for the syntax.
func (l *Limits) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	return option.Block(d, func(name string) error {
		switch name {
		case "disk":
			return option.Size(d, &l.Disk, leastDisk, mostBytes)
		case "backlog":
			return option.Number(d, &l.Backlog, leastBacklog)
		case "integration_events":
			return option.Number(d, &l.IntegrationEvents, leastIntegrationEvents)
		case "in_flight":
			return option.Size(d, &l.InFlight, leastInFlight, mostBytes)
		case "project_integrations":
			return option.Number(d, &l.ProjectIntegrations, leastIntegrations)
		case "project_integration_bytes":
			return option.Size(d, &l.ProjectIntegrationBytes, leastIntegrationBytes, mostBytes)
		}
		return option.Unknown(d, l)
	})
}

// UnmarshalCaddyfile reads the block of the retention option; see
// parseGlobalOption for the syntax.
func (r *Retention) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	return option.Block(d, func(name string) error {
		switch name {
		case "delivered":
			return option.Duration(d, &r.Delivered)
		case "failed":
			return option.Duration(d, &r.Failed)
		}
		return option.Unknown(d, r)
	})
}

// provisionLimits sets the defaults, and checks in JSON what the Caddyfile's parser
// checks itself.
func (a *App) provisionLimits() error {
	if a.Limits == nil {
		a.Limits = new(Limits)
	}
	if a.Retention == nil {
		a.Retention = new(Retention)
	}
	l, r := a.Limits, a.Retention
	return cmp.Or(
		provisionNumber("limits: disk", &l.Disk, leastDisk, 20<<30),
		provisionNumber("limits: backlog", &l.Backlog, leastBacklog, 4_000_000),
		provisionNumber("limits: integration_events", &l.IntegrationEvents, leastIntegrationEvents, 2_000_000),
		provisionNumber("limits: in_flight", &l.InFlight, leastInFlight, gate.DefaultFlight),
		provisionNumber("limits: project_integrations", &l.ProjectIntegrations, leastIntegrations, 10_000),
		provisionNumber("limits: project_integration_bytes", &l.ProjectIntegrationBytes, leastIntegrationBytes, 64<<20),
		provisionDuration("retention: delivered", &r.Delivered, 7*24*time.Hour),
		provisionDuration("retention: failed", &r.Failed, 30*24*time.Hour),
	)
}

// provisionNumber replaces 0 by the default, and refuses a value below least.
func provisionNumber[N int | int64](name string, value *N, least, unset N) error {
	if *value != 0 && *value < least {
		return fmt.Errorf("%s must be at least %d: %d", name, least, *value)
	}
	*value = cmp.Or(*value, unset)
	return nil
}

// provisionDuration replaces 0 by the default, and refuses a negative duration.
func provisionDuration(name string, value *caddy.Duration, unset time.Duration) error {
	if *value < 0 {
		return fmt.Errorf("%s must be longer than 0: %v", name, time.Duration(*value))
	}
	*value = cmp.Or(*value, caddy.Duration(unset))
	return nil
}

// limits returns the limits on events.
func (a *App) limits() storage.Limits {
	return storage.Limits{
		Disk:      a.Limits.Disk,
		Backlog:   a.Limits.Backlog,
		Events:    a.Limits.IntegrationEvents,
		Delivered: time.Duration(a.Retention.Delivered),
		Failed:    time.Duration(a.Retention.Failed),
		Remember:  gate.DuplicateWindow,
	}
}

// integrationLimits returns the limits on stored integrations.
func (a *App) integrationLimits() storage.IntegrationLimits {
	return storage.IntegrationLimits{Integrations: a.Limits.ProjectIntegrations, Bytes: a.Limits.ProjectIntegrationBytes}
}

// Interface guards
var (
	_ caddyfile.Unmarshaler = (*Limits)(nil)
	_ caddyfile.Unmarshaler = (*Retention)(nil)
)
