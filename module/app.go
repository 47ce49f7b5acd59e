// Package module holds Hookgate's faces towards Caddy: the webhooks app, its
// HTTP handler, its admin routes and its Caddyfile syntax. They parse,
// provision and hand over; what is done with a request is in internal/.
package module

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"

	"github.com/hookgate/hookgate/internal/gate"
	"github.com/hookgate/hookgate/internal/integration"
	"github.com/hookgate/hookgate/internal/jwt"
	"github.com/hookgate/hookgate/internal/remotekey"
	"github.com/hookgate/hookgate/module/storage"
	"github.com/hookgate/hookgate/module/trigger"
)

func init() { caddy.RegisterModule(new(App)) }

// App owns what all webhooks handlers share: the storage of integrations and
// events, the triggers, and the dispatcher that runs them. It works without
// any configuration: events and integrations are then kept in `hookgate` in
// Caddy's data directory.
type App struct {
	// PublicURL is what stands before the webhook ID in the URLs that admins
	// are shown, such as https://hooks.example.com/webhooks/. Without it they
	// are shown the path alone.
	PublicURL string `json:"public_url,omitempty"`

	// AllowUnauthenticated permits integrations that authenticate nobody and
	// say so themselves. **Whoever knows such an integration's URL runs its
	// trigger.** Default: false.
	AllowUnauthenticated bool `json:"allow_unauthenticated,omitempty"`

	// StorageRaw is where integrations and events are kept. Default: badger.
	// Two configurations that follow each other may share a storage only with
	// the same settings.
	StorageRaw json.RawMessage `json:"storage,omitempty" caddy:"namespace=webhooks.storage inline_key=module"`

	// TriggersRaw are the triggers: what an event may start. Each resource
	// type is served by one of them.
	TriggersRaw []json.RawMessage `json:"triggers,omitempty" caddy:"namespace=webhooks.triggers inline_key=module"`

	// Retry says how often and how long a trigger is tried.
	Retry *Retry `json:"retry,omitempty"`

	// Concurrency bounds the attempts that are under way at once.
	Concurrency *Concurrency `json:"concurrency,omitempty"`

	// Limits bound what is kept and what is received at a time.
	Limits *Limits `json:"limits,omitempty"`

	// Retention says how long finished events are kept.
	Retention *Retention `json:"retention,omitempty"`

	// JWTIssuers are those whose tokens integrations may ask for. The name
	// google needs none: it is known already.
	JWTIssuers []*JWTIssuer `json:"jwt_issuers,omitempty"`

	// Integrations are declared here rather than made over the admin API, in
	// the same form. Over the admin API they can be read and not changed. A
	// secret should be a placeholder such as {env.NAME} or {file./path}: what
	// is written out here can be read in Caddy's own /config/.
	Integrations []json.RawMessage `json:"integrations,omitempty"`

	// Lines tell where a Caddyfile has declared the integrations, so that messages
	// can name the place: by webhook ID and option, with the option "" for the
	// integration itself. The Caddyfile's adapter writes them.
	Lines map[string]map[string]string `json:"lines,omitempty"`

	logger   *zap.Logger
	ctx      caddy.Context // ends when the configuration is cleaned up
	storage  storage.Storage
	shelf    remotekey.Shelf
	triggers []trigger.Trigger
	byType   map[string]trigger.Trigger
	parsed   []*integration.Integration // declared, without identity
	sites    []site                     // of the handlers

	// lease is nil until the storage is open; opening guards its making and
	// what is complete from then on.
	lease    atomic.Pointer[lease]
	opening  sync.Mutex
	declared *integration.Declared
	routes   map[string]*gate.Route // of the declared integrations
	issuers  map[string]*jwt.Issuer
	started  bool
	cleaned  bool
	failure  error // of the last try to open the storage
	failedAt time.Time

	remoteAdmin atomic.Bool // project administrators have an endpoint
	proxyTold   atomic.Bool // of a proxy that nobody trusts
}

// Retry is how a trigger is tried again: with exponential back-off and full
// jitter, until the event is delivered or the time is over.
type Retry struct {
	// For is how long after its acceptance an event is tried. Default: 72h.
	For caddy.Duration `json:"for,omitempty"`

	// Initial is the longest wait before the second attempt. Default: 1s.
	Initial caddy.Duration `json:"initial,omitempty"`

	// Max is the longest wait before any attempt; a longer Retry-After is cut
	// to it. Default: 1h.
	Max caddy.Duration `json:"max,omitempty"`

	// Attempts bounds the attempts. Default: 0, no bound but the time.
	Attempts int `json:"attempts,omitempty"`
}

// CaddyModule returns the Caddy module information.
func (*App) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "webhooks", New: func() caddy.Module { return new(App) }}
}

// Provision loads the guests and checks what is declared. It opens nothing:
// `caddy validate` provisions too, beside a running server.
func (a *App) Provision(ctx caddy.Context) error {
	a.logger = ctx.Logger()
	a.ctx = ctx
	a.shelf = newShelf(ctx.Storage(), a.logger)
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
	if err := a.provisionStorage(ctx); err != nil {
		return err
	}
	if err := a.provisionTriggers(ctx); err != nil {
		return err
	}
	if err := a.provisionIntegrations(); err != nil {
		return err
	}
	collectors.prepare(slices.Collect(maps.Keys(a.byType)), a.sources())
	return nil
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
		return fmt.Errorf("retry: attempts: a number from 1 is needed, or none: %d", r.Attempts)
	}
	return nil
}

func (a *App) provisionStorage(ctx caddy.Context) error {
	if len(a.StorageRaw) == 0 || string(a.StorageRaw) == "null" {
		a.StorageRaw = json.RawMessage(`{"module":"badger"}`)
	}
	loaded, err := ctx.LoadModule(a, "StorageRaw")
	if err != nil {
		return fmt.Errorf("loading the storage: %w", err)
	}
	a.storage = loaded.(storage.Storage)
	return nil
}

func (a *App) provisionTriggers(ctx caddy.Context) error {
	a.byType = make(map[string]trigger.Trigger)
	if a.TriggersRaw == nil {
		return nil
	}
	loaded, err := ctx.LoadModule(a, "TriggersRaw")
	if err != nil {
		return fmt.Errorf("loading the triggers: %w", a.nameTrigger(err))
	}
	for _, guest := range loaded.([]any) {
		t := guest.(trigger.Trigger)
		a.triggers = append(a.triggers, t)
		for _, resourceType := range t.ResourceTypes() {
			if a.byType[resourceType] != nil {
				return fmt.Errorf("two triggers serve the resource type '%s'", resourceType)
			}
			a.byType[resourceType] = t
		}
	}
	return nil
}

// Start opens the storage and begins to dispatch. A storage that cannot be
// opened for lack of space is no reason to stop the other sites or to end in a
// loop of restarts: it is tried again, and until then requests are refused.
func (a *App) Start() error {
	lastStarted.Store(a)
	a.warnOfLogs()
	a.opening.Lock()
	a.started = true
	a.opening.Unlock()
	held, err := a.acquire()
	if errors.Is(err, storage.ErrUnavailable) {
		a.logger.Error("the storage cannot be opened; requests are answered with 503 until it can", zap.Error(err))
		go a.keepOpening()
		return nil
	}
	if err != nil {
		return err
	}
	defer a.release(held)
	held.attach(a)
	return nil
}

// Stop ends dispatching for this configuration. Attempts that are under way
// go on; what survives reloads waits for them when nothing needs it any more.
func (a *App) Stop() error {
	a.warnOfRemoteAdmin()
	a.opening.Lock()
	defer a.opening.Unlock()
	a.started = false
	if held := a.lease.Load(); held != nil {
		held.detach(a)
	}
	return nil
}

// Cleanup lets go of the storage. It may follow a Provision or a Start that
// failed half way, and requests of this configuration may still be running.
func (a *App) Cleanup() error {
	a.opening.Lock()
	defer a.opening.Unlock()
	if a.cleaned {
		return nil
	}
	a.cleaned, a.started = true, false
	if held := a.lease.Load(); held != nil {
		held.detach(a)
		if held.letGo() {
			return held.close()
		}
	}
	return nil
}

// Interface guards
var (
	_ caddy.App          = (*App)(nil)
	_ caddy.Provisioner  = (*App)(nil)
	_ caddy.CleanerUpper = (*App)(nil)
)
