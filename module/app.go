// Package module holds Hookgate's Caddy modules: the webhooks app, its HTTP handler, its
// admin routes and its Caddyfile syntax. They parse and provision, and hand over to
// internal/gateway, which does the work.
package module

import (
	"cmp"
	"encoding/json"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"

	"github.com/hookgate/hookgate/internal/dispatch"
	"github.com/hookgate/hookgate/internal/gateway"
	"github.com/hookgate/hookgate/module/internal/secret"
	"github.com/hookgate/hookgate/module/storage"
	"github.com/hookgate/hookgate/module/trigger"
)

func init() { caddy.RegisterModule(new(App)) }

// App configures what all webhooks handlers share: the storage of integrations and
// events, the triggers, and the dispatcher that runs them. It works without any
// configuration: events and integrations are then kept in `hookgate` in Caddy's data
// directory.
type App struct {
	// PublicURL is the part before the webhook ID in the URLs that admins are shown,
	// such as https://hooks.example.com/webhooks/. Without it they are shown only the
	// path.
	PublicURL string `json:"public_url,omitempty"`

	// AllowUnauthenticated permits integrations without credentials, which must ask
	// for it themselves. **Anyone who knows the URL of such an integration can run its
	// trigger.** Default: false.
	AllowUnauthenticated bool `json:"allow_unauthenticated,omitempty"`

	// StorageRaw is where integrations and events are kept. Default: badger. Its
	// settings cannot be changed by a reload, only by a restart.
	StorageRaw json.RawMessage `json:"storage,omitempty" caddy:"namespace=webhooks.storage inline_key=module"`

	// TriggersRaw are the triggers that events can run. Each resource type is served by
	// one of them.
	TriggersRaw []json.RawMessage `json:"triggers,omitempty" caddy:"namespace=webhooks.triggers inline_key=module"`

	// Retry is how often and how long a trigger is tried.
	Retry *Retry `json:"retry,omitempty"`

	// Concurrency bounds the attempts under way at once.
	Concurrency *Concurrency `json:"concurrency,omitempty"`

	// Limits bound what is stored, and what is received at once.
	Limits *Limits `json:"limits,omitempty"`

	// Retention is how long finished events are kept.
	Retention *Retention `json:"retention,omitempty"`

	// JWTIssuers are the issuers whose tokens integrations can require. The name google
	// is built in.
	JWTIssuers []*JWTIssuer `json:"jwt_issuers,omitempty"`

	// Integrations are declared here instead of created over the admin API, in the same
	// JSON form. The admin API shows them but cannot change them. Write secrets as
	// placeholders such as {env.NAME} or {file./path}: literal ones can be read in
	// Caddy's own /config/.
	Integrations []json.RawMessage `json:"integrations,omitempty"`

	// Lines are the places in the Caddyfile where the integrations are declared, for
	// messages: by webhook ID and option, with the option "" for the integration
	// itself. The Caddyfile adapter writes them.
	Lines map[string]map[string]string `json:"lines,omitempty"`

	logger  *zap.Logger
	ctx     caddy.Context
	gateway *gateway.Configuration

	proxyTold atomic.Bool // the log has been told of an untrusted proxy
}

// Retry is how a trigger is retried: with exponential backoff and full jitter, until
// the event is delivered or the time is up.
type Retry struct {
	// For is how long after its acceptance an event is retried. Default: 72h.
	For caddy.Duration `json:"for,omitempty"`

	// Initial is the longest wait before the second attempt. Default: 1s.
	Initial caddy.Duration `json:"initial,omitempty"`

	// Max is the longest wait before any attempt; it also caps Retry-After.
	// Default: 1h.
	Max caddy.Duration `json:"max,omitempty"`

	// Attempts is the largest number of attempts. Default: 0, limited by time only.
	Attempts int `json:"attempts,omitempty"`
}

// CaddyModule returns the Caddy module information.
func (*App) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "webhooks", New: func() caddy.Module { return new(App) }}
}

// Provision loads the guest modules and checks the declared integrations. It opens
// nothing: `caddy validate` provisions, too, beside a running server.
func (a *App) Provision(ctx caddy.Context) error {
	a.logger = ctx.Logger()
	a.ctx = ctx
	if err := collectors.register(ctx.GetMetricsRegistry()); err != nil {
		return fmt.Errorf("registering metrics: %w", err)
	}
	if err := installProviders(); err != nil {
		return err
	}
	if err := provisionURL(&a.PublicURL); err != nil {
		return err
	}
	if err := a.provisionRetry(); err != nil {
		return err
	}
	if err := a.provisionConcurrency(); err != nil {
		return err
	}
	if err := a.provisionLimits(); err != nil {
		return err
	}
	if err := a.provisionIssuers(); err != nil {
		return err
	}
	if err := a.provisionGateway(ctx); err != nil {
		return err
	}
	if err := a.provisionIntegrations(); err != nil {
		return err
	}
	collectors.prepare(a.gateway.ResourceTypes(), a.gateway.Sources())
	return nil
}

// provisionGateway loads the guest modules and hands them over with the settings.
func (a *App) provisionGateway(ctx caddy.Context) error {
	held, err := a.loadStorage(ctx)
	if err != nil {
		return err
	}
	triggers, err := a.loadTriggers(ctx)
	if err != nil {
		return err
	}
	a.gateway, err = gateway.New(gateways, gateway.Settings{
		Storage:              held,
		Triggers:             triggers,
		Retry:                a.Retry.engine(),
		Concurrency:          a.Concurrency.engine(),
		EventLimits:          a.limits(),
		IntegrationLimits:    a.integrationLimits(),
		InFlight:             a.Limits.InFlight,
		Issuers:              a.issuers(),
		Shelf:                gateway.NewShelf(ctx.Storage(), a.logger),
		PublicURL:            a.PublicURL,
		AllowUnauthenticated: a.AllowUnauthenticated,
		Logger:               a.logger,
	})
	return err
}

// provisionIntegrations checks the declared integrations.
func (a *App) provisionIntegrations() error {
	return a.gateway.Declare(gateway.Declaration{
		Forms: a.Integrations,
		Place: a.place,
		Expand: func(webhookID, line, field, text string) (string, error) {
			secret.WarnLiteral(a.logger.With(zap.String("webhook_id", webhookID), zap.String("line", line)), field, text)
			return secret.Expand(text)
		},
	})
}

func (a *App) provisionRetry() error {
	if a.Retry == nil {
		a.Retry = new(Retry)
	}
	r := a.Retry
	if err := cmp.Or(
		provisionDuration("retry: for", &r.For, 72*time.Hour),
		provisionDuration("retry: initial", &r.Initial, time.Second),
		provisionDuration("retry: max", &r.Max, time.Hour),
	); err != nil {
		return err
	}
	if r.Attempts < 0 {
		return fmt.Errorf("retry: attempts must be at least 1, or omitted: %d", r.Attempts)
	}
	return nil
}

func (r *Retry) engine() dispatch.Policy {
	return dispatch.Policy{
		For:      time.Duration(r.For),
		Initial:  time.Duration(r.Initial),
		Max:      time.Duration(r.Max),
		Attempts: r.Attempts,
	}
}

func (a *App) loadStorage(ctx caddy.Context) (storage.Storage, error) {
	if len(a.StorageRaw) == 0 || string(a.StorageRaw) == "null" {
		a.StorageRaw = json.RawMessage(`{"module":"badger"}`)
	}
	loaded, err := ctx.LoadModule(a, "StorageRaw")
	if err != nil {
		return nil, fmt.Errorf("loading the storage: %w", err)
	}
	return loaded.(storage.Storage), nil
}

func (a *App) loadTriggers(ctx caddy.Context) ([]trigger.Trigger, error) {
	if a.TriggersRaw == nil {
		return nil, nil
	}
	loaded, err := ctx.LoadModule(a, "TriggersRaw")
	if err != nil {
		return nil, fmt.Errorf("loading the triggers: %w", a.nameTrigger(err))
	}
	var triggers []trigger.Trigger
	for _, guest := range loaded.([]any) {
		triggers = append(triggers, guest.(trigger.Trigger))
	}
	return triggers, nil
}

// Start opens the storage and begins to dispatch.
func (a *App) Start() error {
	a.warnOfLogs()
	return a.gateway.Start()
}

// Stop ends dispatching for this configuration.
func (a *App) Stop() error {
	a.warnOfRemoteAdmin()
	if a.gateway != nil {
		a.gateway.Stop()
	}
	return nil
}

// Cleanup releases the storage. It may follow a Provision or a Start that failed, and
// requests of this configuration may still be running.
func (a *App) Cleanup() error {
	if a.gateway == nil {
		return nil
	}
	return a.gateway.Close()
}

// Interface guards
var (
	_ caddy.App          = (*App)(nil)
	_ caddy.Provisioner  = (*App)(nil)
	_ caddy.CleanerUpper = (*App)(nil)
)
