package gateway

import (
	"cmp"
	"context"
	"sync"

	"go.uber.org/zap"

	"github.com/hookgate/hookgate/internal/dispatch"
	"github.com/hookgate/hookgate/internal/gate"
	"github.com/hookgate/hookgate/module/storage"
)

// plan returns what this configuration wants done with pending events.
func (c *Configuration) plan(e *engine) *dispatch.Plan {
	var warned sync.Map // by identity
	return &dispatch.Plan{
		Triggers:    c.settings.Triggers,
		Retry:       c.settings.Retry,
		Concurrency: c.settings.Concurrency,
		Integration: func(webhookID string, identity storage.Identity) dispatch.IntegrationState {
			route, err := c.route(context.Background(), e, webhookID)
			switch {
			case err != nil:
				return dispatch.Unknown
			case route != nil && route.Integration.Identity == identity && route.Integration.IsEnabled:
				return dispatch.Enabled
			case route != nil && route.Integration.Identity == identity:
				return dispatch.Disabled
			case e.backend.Events().Dropped(identity):
				return dispatch.Deleted
			}
			// Its declaration was removed, or another integration is declared
			// under its webhook ID now.
			if _, told := warned.LoadOrStore(identity, true); !told {
				c.settings.Logger.Warn("events wait for an integration that this configuration no longer declares",
					zap.String("webhook_id", webhookID), zap.Int("pending", e.backend.Events().PendingOf(identity)))
			}
			return dispatch.Disabled
		},
		Shape: func(webhookID string) (dispatch.Shape, error) {
			route, err := c.route(context.Background(), e, webhookID)
			if err != nil || route == nil {
				return nil, cmp.Or(err, storage.ErrNotFound)
			}
			if shape := route.Shape(); shape != nil {
				return shape.Apply, nil
			}
			return nil, nil
		},
	}
}

// route returns the route for a webhook ID, or nil if there is none. While the
// integration is unchanged, so is the pointer.
func (c *Configuration) route(ctx context.Context, e *engine, webhookID string) (*gate.Route, error) {
	if route := c.routes[webhookID]; route != nil {
		return route, nil
	}
	route, _, err := e.routes.Get(ctx, webhookID)
	return route, err
}
