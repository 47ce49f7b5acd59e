package module

import "github.com/caddyserver/caddy/v2"

// warnOfRemoteAdmin tells of a reload that takes the remote admin endpoint away:
// a Caddyfile cannot say that there is to be one. It is called when this
// configuration, which may have had one, ends and another one is active already.
func (a *App) warnOfRemoteAdmin() {
	if !a.hasRemoteAdmin() {
		return
	}
	active, err := caddy.ActiveContext().AppIfConfigured("webhooks")
	if err != nil {
		return // the server stops, or has no webhooks any more
	}
	if next := active.(*App); next != a && !next.hasRemoteAdmin() {
		a.logger.Warn("this configuration has no remote admin endpoint, and the one before had: project administrators " +
			"cannot reach the admin API any more; a Caddyfile cannot name that endpoint: join it with the JSON that does, and load that")
	}
}

// hasRemoteAdmin reports whether project administrators have an endpoint.
func (a *App) hasRemoteAdmin() bool {
	config, _ := peek[*caddy.Config](&a.ctx, "cfg")
	return config != nil && config.Admin != nil && config.Admin.Remote != nil
}
