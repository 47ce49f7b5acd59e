package gateway

import (
	"context"
	"errors"
	"slices"
	"sync"

	"go.uber.org/zap"

	"github.com/hookgate/hookgate/internal/admin"
	"github.com/hookgate/hookgate/internal/dispatch"
	"github.com/hookgate/hookgate/internal/gate"
	"github.com/hookgate/hookgate/internal/integration"
	"github.com/hookgate/hookgate/internal/jwt"
	"github.com/hookgate/hookgate/internal/sender"
	"github.com/hookgate/hookgate/module/storage"
)

// engine is an open storage and everything that lives as long as it is open: the
// dispatcher, the cached routes, the bytes in flight, the keys of issuers, what admins
// read, and the pace of replays and tests.
type engine struct {
	key     string
	options string
	logger  *zap.Logger
	fetch   func(source, code string)

	backend    storage.Backend
	events     storage.Events // the backend's, for requests
	service    *integration.Service
	routes     *integration.Cache[*gate.Route]
	unfollow   func() // stops following what other processes write
	dispatcher *dispatch.Dispatcher
	flight     *gate.Flight
	keySets    *jwt.KeySets
	remote     *sender.Remote
	sources    sources
	reads      *admin.Reads
	replays    admin.Pace
	tests      admin.Quota

	// active are the started configurations, the newest last. The newest one
	// dispatches. An older one takes over again if a newer one fails to start as a
	// whole. The limits below are the newest one's, too.
	mu       sync.Mutex
	active   []*Configuration
	limits   storage.Limits
	attempts int // how many may be under way at once
}

// open opens the storage and everything that belongs to it.
func open(settings *Settings, observer Observer) (*engine, error) {
	s := settings.Storage
	// The engine may outlive this configuration: later ones join it.
	backend, err := s.Open(context.Background())
	if err != nil {
		return nil, err
	}
	e := &engine{
		key:     s.Key(),
		options: s.Options(),
		logger:  settings.Logger,
		fetch:   observer.Fetch,
		backend: backend,
		flight:  gate.NewFlight(gate.DefaultFlight),
		reads:   admin.NewReads(),
	}
	e.openRemote(settings.Shelf)
	e.dispatcher = dispatch.New(dispatch.Options{
		Events:  backend.Events(),
		Logger:  settings.Logger,
		Observe: observer.Attempt,
	})
	e.service = integration.NewService(backend.Integrations(), dropper{backend.Events(), e.dispatcher})
	e.routes = integration.NewCache(e.stored, gate.Compile, integration.CacheLimit)
	e.events = refresher{backend.Events(), e.routes}
	e.service.OnChange(func(webhookID string, identity storage.Identity) {
		e.routes.Invalidate(webhookID)
		e.dispatcher.Wake(identity)
	})
	if e.unfollow, err = e.service.Follow(); err == nil {
		if err = e.dispatcher.Start(); err == nil {
			return e, nil
		}
		e.unfollow()
	}
	e.closeRemote()
	return nil, errors.Join(err, backend.Close())
}

// stored looks up an integration that was created over the admin API. Declared
// integrations take precedence, and each configuration keeps its own.
func (e *engine) stored(ctx context.Context, webhookID string) (*integration.Integration, error) {
	return e.service.Lookup(ctx, integration.View{}, webhookID)
}

// dropper wakes the dispatcher once events are dropped.
type dropper struct {
	storage.Events
	dispatcher *dispatch.Dispatcher
}

func (d dropper) Drop(ctx context.Context, identity storage.Identity, force bool) error {
	err := d.Events.Drop(ctx, identity, force)
	d.dispatcher.Wake(identity)
	return err
}

// refresher drops the cached route of an integration that is stale by the storage.
type refresher struct {
	storage.Events
	routes *integration.Cache[*gate.Route]
}

func (r refresher) Append(ctx context.Context, event *storage.Event, dedupe storage.Dedupe, further ...storage.Resource) (storage.ID, storage.Outcome, error) {
	id, outcome, err := r.Events.Append(ctx, event, dedupe, further...)
	if errors.Is(err, storage.ErrStale) {
		r.routes.Invalidate(event.WebhookID)
	}
	return id, outcome, err
}

// close stops the dispatcher and closes the storage.
func (e *engine) close() error {
	e.closeRemote()
	e.unfollow()
	if err := e.dispatcher.Stop(context.Background()); err != nil {
		e.logger.Error("closing the storage", zap.Error(err))
	}
	if waiting := e.backend.Events().Counts().Pending; waiting > 0 {
		e.logger.Info("closing the storage; its pending events are delivered once it is open again",
			zap.String("storage", e.key), zap.Int("pending", waiting))
	}
	return e.backend.Close()
}

// attach lets the configuration dispatch, and puts its limits in force.
func (e *engine) attach(c *Configuration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !slices.Contains(e.active, c) {
		e.active = append(e.active, c)
		e.use(c)
	}
}

// detach undoes attach. It may be called more than once, and without attach.
func (e *engine) detach(c *Configuration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	i := slices.Index(e.active, c)
	if i < 0 {
		return
	}
	newest := i == len(e.active)-1
	e.active = slices.Delete(e.active, i, i+1)
	if !newest {
		return
	}
	if len(e.active) == 0 {
		e.dispatcher.Use(nil)
		return
	}
	e.use(e.active[len(e.active)-1])
}

// use puts the configuration's settings in force. After the last configuration, its
// limits stay.
func (e *engine) use(c *Configuration) {
	e.limits = c.settings.EventLimits
	if limiter, ok := e.backend.Events().(storage.Limiter); ok {
		limiter.SetLimits(e.limits)
	} else {
		e.logger.Warn("the storage does not support limits on events: the configured ones are ignored")
	}
	if limiter, ok := e.backend.Integrations().(storage.IntegrationLimiter); ok {
		limiter.SetLimits(c.settings.IntegrationLimits)
	} else {
		e.logger.Warn("the storage does not support limits on integrations: the configured ones are ignored")
	}
	e.flight.SetLimit(c.settings.InFlight)
	e.remote.Certificates.Use(c.settings.Shelf)
	e.attempts = c.settings.Concurrency.Total
	e.dispatcher.Use(c.plan(e))
}
