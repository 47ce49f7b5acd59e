package module

import "github.com/caddyserver/caddy/v2"

// warnOfRemoteAdmin warns of a reload that removes the remote admin endpoint, which a
// Caddyfile cannot configure. It is called when this configuration, which may have the
// endpoint, ends and the next one is already active.
func (a *App) warnOfRemoteAdmin() {
	if !a.hasRemoteAdmin() {
		return
	}
	active, err := caddy.ActiveContext().AppIfConfigured("webhooks")
	if err != nil {
		return // the server stops, or has no webhooks any more
	}
	if next := active.(*App); next != a && !next.hasRemoteAdmin() {
		a.logger.Warn("this configuration has no remote admin endpoint, and the previous one had: project administrators " +
			"can no longer reach the admin API; a Caddyfile cannot configure that endpoint: merge it with the JSON that does, and load the result")
	}
}

// hasRemoteAdmin reports whether project administrators have an endpoint.
func (a *App) hasRemoteAdmin() bool {
	config, _ := peek[*caddy.Config](&a.ctx, "cfg")
	return config != nil && config.Admin != nil && config.Admin.Remote != nil
}
