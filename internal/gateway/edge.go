package gateway

import (
	"context"

	"github.com/hookgate/hookgate/internal/admin"
	"github.com/hookgate/hookgate/internal/gate"
	"github.com/hookgate/hookgate/internal/integration"
)

// Admin returns what the admin API works on while the lease is held.
func (l *Lease) Admin() admin.Backend {
	c := l.configuration
	return admin.Backend{
		Service:   l.service,
		View:      c.view(),
		Storage:   l.backend,
		Base:      c.base,
		PublicURL: c.publicURL,
		Holdings:  l.holdings,
		Reads:     l.reads,
		Replays:   &l.replays,
		Tests:     &l.tests,
		Edge:      &l.edge,
		Logger:    c.settings.Logger,
	}
}

// Edge returns what requests need of the configuration while the lease is held.
func (l *Lease) Edge() *gate.Config { return &l.edge }

// newEdge returns what requests need of the configuration and its engine.
func newEdge(c *Configuration, e *engine) gate.Config {
	return gate.Config{
		Integrations:         integrations{c, e},
		Events:               e.events,
		Flight:               e.flight,
		Serves:               c.serves,
		Issuers:              c.openIssuers(e),
		Remote:               e.remote,
		AllowUnauthenticated: c.settings.AllowUnauthenticated,
	}
}

// integrations are those of a configuration: the ones that it declares, and the
// engine's.
type integrations struct {
	configuration *Configuration
	engine        *engine
}

func (i integrations) Route(ctx context.Context, webhookID string) (*gate.Route, error) {
	return i.configuration.route(ctx, i.engine, webhookID)
}

func (i integrations) Learn(ctx context.Context, in *integration.Integration, secret, client string) (bool, error) {
	return i.engine.service.Learn(ctx, in, secret, client)
}

func (i integrations) Use(ctx context.Context, in *integration.Integration) {
	i.engine.service.Use(ctx, in)
}
