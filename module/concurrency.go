package module

import (
	"cmp"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/hookgate/hookgate/internal/dispatch"
	"github.com/hookgate/hookgate/module/internal/option"
)

// Concurrency bounds the attempts that are under way at once. What is over a
// bound waits its turn. An attempt that is late counts for Bytes alone: up to
// four times Total of those are awaited beside the others.
type Concurrency struct {
	// Total is of all attempts. It should be larger than Trigger, so that a
	// trigger that hangs leaves room for others. Default: 256.
	Total int `json:"total,omitempty"`

	// Trigger is of one trigger, unless that has a bound of its own, and a
	// quarter more of resources that have no other attempt. Default: 64.
	Trigger int `json:"trigger,omitempty"`

	// Integration is of one integration, and a quarter more of resources that
	// have no other attempt. Default: 32.
	Integration int `json:"integration,omitempty"`

	// Bytes is how much of events the attempts hold in memory. At least
	// 1048576 (1 MiB). Default: 67108864 (64 MiB).
	Bytes int64 `json:"bytes,omitempty"`
}

const leastAttemptBytes = 1 << 20

// UnmarshalCaddyfile reads the block of the concurrency option; see
// parseGlobalOption for the syntax.
func (c *Concurrency) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	return option.Block(d, func(name string) error {
		switch name {
		case "total":
			return option.Number(d, &c.Total, 1)
		case "trigger":
			return option.Number(d, &c.Trigger, 1)
		case "integration":
			return option.Number(d, &c.Integration, 1)
		case "bytes":
			return option.Size(d, &c.Bytes, leastAttemptBytes, mostBytes)
		}
		return option.Unknown(d, c)
	})
}

// provisionConcurrency sets the defaults, and checks what JSON may hold and the
// Caddyfile's parser refuses.
func (a *App) provisionConcurrency() error {
	if a.Concurrency == nil {
		a.Concurrency = new(Concurrency)
	}
	c := a.Concurrency
	return cmp.Or(
		provisionNumber("concurrency: total", &c.Total, 1, 256),
		provisionNumber("concurrency: trigger", &c.Trigger, 1, 64),
		provisionNumber("concurrency: integration", &c.Integration, 1, 32),
		provisionNumber("concurrency: bytes", &c.Bytes, leastAttemptBytes, 64<<20),
	)
}

func (c *Concurrency) engine() dispatch.Concurrency {
	return dispatch.Concurrency{Total: c.Total, PerTrigger: c.Trigger, PerIntegration: c.Integration, Bytes: c.Bytes}
}

// Interface guard
var _ caddyfile.Unmarshaler = (*Concurrency)(nil)
