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
	held, err := app.gateway.Acquire()
	if err != nil {
		app.logger.Error("the storage cannot be opened", zap.Error(err))
		return unavailable(w, "the storage cannot be opened; see the log for the reason")
	}
	defer held.Release()
	admin.Serve(w, r, held.Admin())
	return nil
}

// unavailable answers for lack of a configuration or a storage.
func unavailable(w http.ResponseWriter, why string) error {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Retry-After", "5")
	w.WriteHeader(http.StatusServiceUnavailable)
	return json.NewEncoder(w).Encode(map[string]string{"error": why})
}

// Interface guard
var _ caddy.AdminRouter = (*adminAPI)(nil)
