package module

import (
	"cmp"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/hookgate/hookgate/internal/dispatch"
	"github.com/hookgate/hookgate/module/internal/option"
)

// Concurrency bounds the attempts under way at once. An event over a bound waits its
// turn. A late attempt counts towards Bytes only: up to four times Total late attempts
// are awaited besides the others.
type Concurrency struct {
	// Total is for all attempts. It should be larger than Trigger, so that a trigger
	// that hangs leaves room for others. Default: 256.
	Total int `json:"total,omitempty"`

	// Trigger is for one trigger, unless it has a bound of its own, plus a quarter for
	// resources without another attempt. Default: 64.
	Trigger int `json:"trigger,omitempty"`

	// Integration is for one integration, plus a quarter for resources without another
	// attempt. Default: 32.
	Integration int `json:"integration,omitempty"`

	// Bytes is how many bytes of events the attempts hold in memory. At least
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

// provisionConcurrency sets the defaults, and checks in JSON what the Caddyfile's parser
// checks itself.
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
