package module

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"

	"github.com/hookgate/hookgate/internal/admin"
	"github.com/hookgate/hookgate/internal/dispatch"
	"github.com/hookgate/hookgate/internal/gate"
	"github.com/hookgate/hookgate/internal/integration"
	"github.com/hookgate/hookgate/internal/jwt"
	"github.com/hookgate/hookgate/internal/remotekey"
	"github.com/hookgate/hookgate/internal/sender"
	"github.com/hookgate/hookgate/module/storage"
)

// gateways holds what survives a reload, by the storage's key: Caddy starts a
// new configuration before it stops the old one, and a storage cannot be open
// twice.
var gateways = caddy.NewUsagePool()

// gateway is an open storage and what belongs to it for as long as it is
// open: the dispatcher, the routes of the edge, the bytes in flight, the keys
// of issuers, what admins read, the pace of replays and tests.
type gateway struct {
	key     string
	options string
	logger  *zap.Logger

	backend    storage.Backend
	service    *integration.Service
	routes     *integration.Cache[*gate.Route]
	dispatcher *dispatch.Dispatcher
	flight     *gate.Flight
	keySets    *jwt.KeySets
	remote     *sender.Remote
	sources    sources
	reads      *admin.Reads
	replays    admin.Pace
	tests      admin.Quota

	// apps are the configurations that are started, the newest last. It is
	// the newest that dispatches. An older one takes over again when a newer
	// one fails to start as a whole. What follows is its, too.
	mu       sync.Mutex
	apps     []*App
	limits   storage.Limits
	attempts int // that may be under way at once
}

// openGateway opens the storage, or joins those who have it open.
func openGateway(s storage.Storage, shelf remotekey.Shelf, logger *zap.Logger) (*gateway, error) {
	key := s.Key()
	door(key).Lock()
	defer door(key).Unlock()
	value, joined, err := gateways.LoadOrNew(key, func() (caddy.Destructor, error) {
		return newGateway(s, shelf, logger)
	})
	if err != nil {
		return nil, fmt.Errorf("opening the storage: %w", err)
	}
	g := value.(*gateway)
	if joined && g.options != s.Options() {
		return nil, errors.Join(fmt.Errorf("the storage %s is open with other settings: stop the server to change them", key), letGo(key))
	}
	return g, nil
}

// doors has a lock for each storage's key: the pool forgets a gateway before it
// has closed it, and until then the storage cannot be opened again.
var doors sync.Map

func door(key string) *sync.Mutex {
	lock, _ := doors.LoadOrStore(key, new(sync.Mutex))
	return lock.(*sync.Mutex)
}

func newGateway(s storage.Storage, shelf remotekey.Shelf, logger *zap.Logger) (*gateway, error) {
	backend, err := s.Open()
	if err != nil {
		return nil, err
	}
	g := &gateway{
		key:     s.Key(),
		options: s.Options(),
		logger:  logger,
		backend: backend,
		flight:  gate.NewFlight(gate.DefaultFlight),
		reads:   admin.NewReads(),
	}
	g.openRemote(shelf)
	g.dispatcher = dispatch.New(dispatch.Options{
		Events:  backend.Events(),
		Logger:  logger,
		Observe: collectors.attempt,
	})
	g.service = integration.NewService(backend.Integrations(), dropper{backend.Events(), g.dispatcher})
	g.routes = integration.NewCache(g.stored, gate.Compile, integration.CacheLimit)
	g.service.OnChange(func(webhookID string, identity storage.Identity) {
		g.routes.Invalidate(webhookID)
		g.dispatcher.Wake(identity)
	})
	if err := g.dispatcher.Start(); err != nil {
		g.closeRemote()
		return nil, errors.Join(err, backend.Close())
	}
	return g, nil
}

// stored looks an integration up that the admin API made. What configurations
// declare comes before it and is kept with them.
func (g *gateway) stored(ctx context.Context, webhookID string) (*integration.Integration, error) {
	return g.service.Lookup(ctx, integration.View{}, webhookID)
}

// dropper tells the dispatcher of events that were dropped.
type dropper struct {
	storage.Events
	dispatcher *dispatch.Dispatcher
}

func (d dropper) Drop(ctx context.Context, identity storage.Identity, force bool) error {
	err := d.Events.Drop(ctx, identity, force)
	d.dispatcher.Wake(identity)
	return err
}

// close lets go of the gateway; the last one to do so closes the storage.
func (g *gateway) close() error {
	door(g.key).Lock()
	defer door(g.key).Unlock()
	return letGo(g.key)
}

// letGo does so for who is in the door.
func letGo(key string) error {
	_, err := gateways.Delete(key)
	return err
}

// Destruct stops the dispatcher and closes the storage.
func (g *gateway) Destruct() error {
	g.closeRemote()
	if err := g.dispatcher.Stop(context.Background()); err != nil {
		g.logger.Error("closing the storage", zap.Error(err))
	}
	if waiting := g.backend.Events().Counts().Pending; waiting > 0 {
		g.logger.Info("closing the storage; its pending events are delivered once it is open again",
			zap.String("storage", g.key), zap.Int("pending", waiting))
	}
	return g.backend.Close()
}

// attach makes the configuration the one that dispatches, and whose limits are
// in force.
func (g *gateway) attach(a *App) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !slices.Contains(g.apps, a) {
		g.apps = append(g.apps, a)
		g.use(a)
	}
}

// detach undoes attach. It may be called twice, and without attach.
func (g *gateway) detach(a *App) {
	g.mu.Lock()
	defer g.mu.Unlock()
	i := slices.Index(g.apps, a)
	if i < 0 {
		return
	}
	newest := i == len(g.apps)-1
	g.apps = slices.Delete(g.apps, i, i+1)
	if !newest {
		return
	}
	if len(g.apps) == 0 {
		g.dispatcher.Use(nil)
		return
	}
	g.use(g.apps[len(g.apps)-1])
}

// use puts in force what the configuration wants. When none is left, the limits
// of the last one stay.
func (g *gateway) use(a *App) {
	g.limits = a.limits()
	g.backend.Events().SetLimits(g.limits)
	g.backend.Integrations().SetLimits(a.integrationLimits())
	g.flight.SetLimit(a.Limits.InFlight)
	g.remote.Certificates.Use(a.shelf)
	g.attempts = a.Concurrency.Total
	g.dispatcher.Use(a.plan(g))
}

// Interface guards
var _ caddy.Destructor = (*gateway)(nil)
