package module

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/hookgate/hookgate/internal/gate"
	"github.com/hookgate/hookgate/internal/gateway"
)

func init() { caddy.RegisterModule(Handler{}) }

// maxBodyLimit is the largest max_body, in bytes.
const maxBodyLimit = 1 << 30

// Handler receives the webhooks of external tools. It looks up the integration behind
// the request's path, authenticates the request, filters it by its event, stores it
// durably and answers 202; the webhooks app then runs the trigger.
//
// It answers every request that reaches it, except that inline, a request that is
// authenticated and wanted goes on to the next handler.
//
// It provides the placeholders `{webhook.id}`, `{webhook.project}`,
// `{webhook.alias}`, `{webhook.provider}`, `{webhook.event}`,
// `{webhook.event_id}`, `{webhook.delivery_id}`, `{webhook.resource_type}` and
// `{webhook.resource_id}` to later handlers and logs. The last two are those of the
// first resource.
type Handler struct {
	// Prefix is the part of the path before the webhook ID. It begins and ends with a
	// slash. Default: /webhooks/.
	Prefix string `json:"prefix,omitempty"`

	// Inline passes an authenticated, wanted request to the next handler instead of
	// storing it. Nothing is stored, retried or deduplicated then.
	Inline bool `json:"inline,omitempty"`

	// ForwardCredentials leaves the sender's credentials in a request that is passed to
	// the next handler. Default: false, they are removed.
	ForwardCredentials bool `json:"forward_credentials,omitempty"`

	// MaxBody is the largest request body in bytes. Default: 26214400 (25 MiB).
	MaxBody int64 `json:"max_body,omitempty"`

	// Projects are the projects whose integrations this handler serves. Those of other
	// projects are not found. Default: all projects.
	Projects []string `json:"projects,omitempty"`

	// PublicURL is the part before the webhook ID in the URLs by which senders reach
	// this handler, such as https://hooks.example.com/webhooks/. Admins are shown it
	// for the projects that the handler serves, and senders that sign the URL must have
	// signed it. If several handlers serve a project, the URL of the one that serves
	// the fewest projects is shown. Default: the app's.
	PublicURL string `json:"public_url,omitempty"`

	app    *App
	gate   *gate.Gate
	logger *zap.Logger
	// failures are the error routes around the handler, the innermost first.
	failures []*caddyhttp.HTTPErrorConfig
}

// CaddyModule returns the Caddy module information.
func (Handler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.webhooks", New: func() caddy.Module { return new(Handler) }}
}

// Provision sets the defaults and loads the app, which need not be configured.
func (h *Handler) Provision(ctx caddy.Context) error {
	h.logger = ctx.Logger()
	for _, m := range slices.Backward(ctx.Modules()) {
		if around, ok := m.(*caddyhttp.Subroute); ok && around.Errors != nil {
			h.failures = append(h.failures, around.Errors)
		}
	}
	if h.Prefix == "" {
		h.Prefix = gate.DefaultPrefix
	}
	if h.MaxBody == 0 {
		h.MaxBody = gate.DefaultMaxBody
	}
	app, err := ctx.App("webhooks")
	if err != nil {
		return fmt.Errorf("loading the webhooks app: %w", err)
	}
	h.app = app.(*App)
	if err := cmp.Or(checkProjects(h.Projects), provisionURL(&h.PublicURL)); err != nil {
		return err
	}
	h.app.gateway.AddSite(gateway.Site{Prefix: h.Prefix, PublicURL: h.PublicURL, Projects: h.Projects})
	if most := gate.LargestBody(h.app.Limits.InFlight); h.MaxBody > most {
		h.logger.Warn("bodies larger than an integration's share of the limit in_flight are refused, although max_body allows them",
			zap.Int64("largest", most), zap.Int64("max_body", h.MaxBody), zap.Int64("in_flight", h.app.Limits.InFlight))
	}
	h.gate = gate.New(gate.Settings{
		Prefix:             h.Prefix,
		Inline:             h.Inline,
		ForwardCredentials: h.ForwardCredentials,
		MaxBody:            h.MaxBody,
		Projects:           h.Projects,
		PublicURL:          cmp.Or(h.PublicURL, h.app.PublicURL),
	})
	return nil
}

// Validate checks in JSON what the Caddyfile's parser checks itself.
func (h *Handler) Validate() error {
	if err := checkPrefix(h.Prefix); err != nil {
		return err
	}
	if h.MaxBody < 0 || h.MaxBody > maxBodyLimit {
		return fmt.Errorf("max_body must be from 1 to %d bytes", int64(maxBodyLimit))
	}
	return nil
}

func checkPrefix(prefix string) error {
	if !strings.HasPrefix(prefix, "/") || !strings.HasSuffix(prefix, "/") ||
		strings.Contains(prefix, "//") || strings.ContainsAny(prefix, "*?#%{}\\ ") {
		return errors.New("prefix must be a plain path that begins and ends with a slash")
	}
	return nil
}

// ServeHTTP answers the request or, inline, passes it on.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	client, _ := caddyhttp.GetVar(r.Context(), caddyhttp.ClientIPVarKey).(string)
	h.app.warnOfProxy(r)
	seen := h.gate.Serve(w, r, client, h.acquire)
	defer seen.Done()
	collectors.request(seen)
	h.log(seen, client)
	setPlaceholders(r, seen)
	if !seen.Pass {
		return nil
	}
	if err := next.ServeHTTP(w, r); err != nil {
		h.answerFailure(w, r, err, seen)
	}
	return nil
}

func (h *Handler) acquire() (*gate.Config, func(), error) {
	held, err := h.app.gateway.Acquire()
	if err != nil {
		h.logger.Error("the storage cannot be opened", zap.Error(err))
		return nil, nil, err
	}
	return held.Edge(), held.Release, nil
}

// log logs what was decided, and why; the sender is told less.
func (h *Handler) log(seen gate.Seen, client string) {
	level := zapcore.DebugLevel
	switch {
	case seen.StatusCode >= 500:
		level = zapcore.WarnLevel
	case seen.StatusCode == http.StatusUnauthorized, seen.Learned:
		level = zapcore.InfoLevel
	}
	entry := h.logger.Check(level, "webhook request")
	if entry == nil {
		return
	}
	fields := make([]zap.Field, 0, 9)
	fields = append(fields,
		zap.String("outcome", string(seen.Outcome)),
		zap.Int("status", seen.StatusCode),
		zap.String("client_ip", client))
	if seen.Reason != "" {
		fields = append(fields, zap.String("reason", seen.Reason))
	}
	if seen.Learned {
		fields = append(fields, zap.Bool("secret_learned", true))
	}
	if in := seen.Integration; in != nil {
		fields = append(fields, zap.String("webhook_id", in.WebhookID), zap.String("project", in.Project))
		if key, value := in.Authentication.Credentials.Logged(seen.Reason); key != "" {
			fields = append(fields, zap.String(key, value))
		}
	}
	if seen.EventID != "" {
		fields = append(fields, zap.String("event_id", seen.EventID))
	}
	entry.Write(fields...)
}

// setPlaceholders tells later handlers and logs about the request. Of an unauthenticated
// request they learn only which integration it was meant for.
func setPlaceholders(r *http.Request, seen gate.Seen) {
	repl, ok := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
	if !ok {
		return
	}
	repl.Map(func(key string) (any, bool) {
		name, ok := strings.CutPrefix(key, "webhook.")
		if !ok {
			return nil, false
		}
		return placeholder(seen, name)
	})
}

func placeholder(seen gate.Seen, name string) (any, bool) {
	switch name {
	case "event":
		return seen.EventType, true
	case "event_id":
		return seen.EventID, true
	case "delivery_id":
		return seen.DeliveryID, true
	case "id", "project", "alias", "provider", "resource_type", "resource_id":
	default:
		return nil, false
	}
	in := seen.Integration
	if in == nil {
		return "", true
	}
	switch name {
	case "id":
		return in.WebhookID, true
	case "project":
		return in.Project, true
	case "alias":
		return in.Alias, true
	case "provider":
		return in.SignatureProvider(), true
	case "resource_type":
		if len(in.Resources) > 0 {
			return in.Resources[0].Type, true
		}
	case "resource_id":
		if len(in.Resources) > 0 {
			return in.Resources[0].ID, true
		}
	}
	return "", true
}

// Interface guards
var (
	_ caddyhttp.MiddlewareHandler = (*Handler)(nil)
	_ caddy.Provisioner           = (*Handler)(nil)
	_ caddy.Validator             = (*Handler)(nil)
)
