package module

import (
	"encoding/json"
	"net/http"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"

	"github.com/hookgate/hookgate/internal/admin"
)

func init() { caddy.RegisterModule(new(adminAPI)) }

// adminAPI serves the admin API under /webhooks/ on Caddy's admin endpoints.
//
// Caddy provisions it outside of the configuration's modules, never cleans it
// up, and keeps it when a new configuration fails. So it owns nothing and
// looks for the active configuration at each request.
type adminAPI struct{}

// CaddyModule returns the Caddy module information.
func (*adminAPI) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "admin.api.webhooks", New: func() caddy.Module { return new(adminAPI) }}
}

// Provision learns of the remote admin endpoint: Caddy provisions a router for
// it once the configuration's apps have started, and the local one's before.
func (*adminAPI) Provision(ctx caddy.Context) error {
	if app := lastStarted.Load(); app != nil && app.ctx.Done() == ctx.Done() {
		app.remoteAdmin.Store(true)
	}
	return nil
}

// Routes returns the routes of the admin API.
func (a *adminAPI) Routes() []caddy.AdminRoute {
	return []caddy.AdminRoute{{Pattern: "/webhooks/", Handler: caddy.AdminHandlerFunc(a.serve)}}
}

func (*adminAPI) serve(w http.ResponseWriter, r *http.Request) error {
	active, err := caddy.ActiveContext().AppIfConfigured("webhooks")
	if err != nil {
		return unavailable(w, "the active configuration does not use webhooks")
	}
	app := active.(*App)
	held, err := app.acquire()
	if err != nil {
		app.logger.Error("the storage cannot be opened", zap.Error(err))
		return unavailable(w, "the storage cannot be opened; the log says why")
	}
	defer app.release(held)
	admin.Serve(w, r, admin.Backend{
		Service:  held.service,
		View:     app.view(),
		Storage:  held.backend,
		Base:     app.base,
		Holdings: held.holdings,
		Reads:    held.reads,
		Replays:  &held.replays,
		Tests:    &held.tests,
		Edge:     edge{app, nil, held},
		Logger:   app.logger,
	})
	return nil
}

// unavailable answers for lack of a configuration or a storage.
func unavailable(w http.ResponseWriter, why string) error {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Retry-After", "5")
	w.WriteHeader(http.StatusServiceUnavailable)
	return json.NewEncoder(w).Encode(map[string]string{"error": why})
}

// triggers is the state of the triggers, for the status page.
func (g *gateway) triggers() []admin.Trigger {
	var all []admin.Trigger
	for _, s := range g.dispatcher.Status() {
		all = append(all, admin.Trigger{
			ResourceType: s.ResourceType, State: s.State, InFlight: s.InFlight, Aside: s.Aside,
			Open: admin.OpenCircuits{Projects: s.OpenProjects, Resources: s.OpenResources},
		})
	}
	return all
}

// Interface guards
var (
	_ caddy.AdminRouter = (*adminAPI)(nil)
	_ caddy.Provisioner = (*adminAPI)(nil)
)
