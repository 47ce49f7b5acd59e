package gateway

import (
	"context"

	"github.com/hookgate/hookgate/internal/admin"
	"github.com/hookgate/hookgate/internal/gate"
	"github.com/hookgate/hookgate/internal/integration"
	"github.com/hookgate/hookgate/internal/jwt"
	"github.com/hookgate/hookgate/internal/sender"
	"github.com/hookgate/hookgate/module/storage"
)

// Admin returns what the admin API works on while the lease is held.
func (l *Lease) Admin() admin.Backend {
	c := l.configuration
	return admin.Backend{
		Service:  l.service,
		View:     c.view(),
		Storage:  l.backend,
		Base:     c.base,
		Holdings: l.holdings,
		Reads:    l.reads,
		Replays:  &l.replays,
		Tests:    &l.tests,
		Edge:     l.Edge(c.publicURL),
		Logger:   c.settings.Logger,
	}
}

// Edge returns what requests need of the configuration while the lease is held.
func (l *Lease) Edge(publicURL func(project string) string) gate.Backend { return edge{l, publicURL} }

// edge is what the gate needs of the configuration, for one request.
type edge struct {
	*Lease
	publicURL func(project string) string
}

func (e edge) Route(ctx context.Context, webhookID string) (*gate.Route, error) {
	return e.configuration.route(ctx, e.engine, webhookID)
}

func (e edge) Learn(ctx context.Context, in *integration.Integration, secret, client string) (bool, error) {
	return e.service.Learn(ctx, in, secret, client)
}

func (e edge) Use(ctx context.Context, in *integration.Integration) { e.service.Use(ctx, in) }

func (e edge) Events() storage.Events { return e.events }

func (e edge) PublicURL(project string) string { return e.publicURL(project) }

func (e edge) Flight() *gate.Flight { return e.flight }

func (e edge) Serves(resourceType string) bool { return e.configuration.serves(resourceType) }

func (e edge) Issuer(name string) *jwt.Issuer { return e.issuers[name] }

func (e edge) Remote() *sender.Remote { return e.remote }

func (e edge) AllowUnauthenticated() bool { return e.configuration.settings.AllowUnauthenticated }
