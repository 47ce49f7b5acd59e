package module

import (
	"sync/atomic"

	"github.com/caddyserver/caddy/v2"
)

// lastStarted is the app that was started last. What Caddy provisions under its
// configuration from then on is for the remote admin endpoint.
var lastStarted atomic.Pointer[App]

// warnOfRemoteAdmin tells of a reload that takes the remote admin endpoint away:
// a Caddyfile cannot say that there is to be one. It is called when this
// configuration, which may have had one, ends and another one is active already.
func (a *App) warnOfRemoteAdmin() {
	if !a.remoteAdmin.Load() {
		return
	}
	active, err := caddy.ActiveContext().AppIfConfigured("webhooks")
	if err != nil {
		return // the server stops, or has no webhooks any more
	}
	if next := active.(*App); next != a && !next.remoteAdmin.Load() {
		a.logger.Warn("this configuration has no remote admin endpoint, and the one before had: project administrators " +
			"cannot reach the admin API any more; a Caddyfile cannot name that endpoint: join it with the JSON that does, and load that")
	}
}
