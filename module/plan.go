package module

import (
	"cmp"
	"context"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/hookgate/hookgate/internal/dispatch"
	"github.com/hookgate/hookgate/internal/gate"
	"github.com/hookgate/hookgate/internal/payload"
	"github.com/hookgate/hookgate/module/storage"
)

// plan is what this configuration wants to be done with pending events.
func (a *App) plan(g *gateway) *dispatch.Plan {
	var warned sync.Map // identities that were told of
	return &dispatch.Plan{
		Triggers: a.triggers,
		Retry: dispatch.Policy{
			For:      time.Duration(a.Retry.For),
			Initial:  time.Duration(a.Retry.Initial),
			Max:      time.Duration(a.Retry.Max),
			Attempts: a.Retry.Attempts,
		},
		Concurrency: a.Concurrency.engine(),
		Integration: func(webhookID string, identity storage.Identity) dispatch.IntegrationState {
			route, err := a.route(context.Background(), g, webhookID)
			switch {
			case err != nil:
				return dispatch.Unknown
			case route != nil && route.Integration.Identity == identity && route.Integration.IsEnabled:
				return dispatch.Enabled
			case route != nil && route.Integration.Identity == identity:
				return dispatch.Disabled
			case g.backend.Events().PendingOf(identity) == 0:
				return dispatch.Deleted
			}
			// It was declared and is not any more, or another one of the same
			// webhook ID is declared now.
			if _, told := warned.LoadOrStore(identity, true); !told {
				a.logger.Warn("events wait for an integration that this configuration does not have any more",
					zap.String("webhook_id", webhookID), zap.Int("pending", g.backend.Events().PendingOf(identity)))
			}
			return dispatch.Disabled
		},
		Shape: func(webhookID string) (*payload.Shape, error) {
			route, err := a.route(context.Background(), g, webhookID)
			if err != nil || route == nil {
				return nil, cmp.Or(err, storage.ErrNotFound)
			}
			return route.Shape(), nil
		},
	}
}

// route returns the route of the edge for a webhook ID, or nil without one.
// It is the same as long as the integration is unchanged.
func (a *App) route(ctx context.Context, g *gateway, webhookID string) (*gate.Route, error) {
	if route := a.routes[webhookID]; route != nil {
		return route, nil
	}
	route, _, err := g.routes.Get(ctx, webhookID)
	return route, err
}
