package module

import (
	"net/http"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// warnOfProxy warns, once, of requests that come through a proxy while the server trusts
// none: all clients behind the proxy then have the same address.
func (a *App) warnOfProxy(r *http.Request) {
	if r.Header["X-Forwarded-For"] == nil || a.proxyTold.Load() {
		return
	}
	server, ok := r.Context().Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	if !ok || trustsProxies(server) || !a.proxyTold.CompareAndSwap(false, true) {
		return
	}
	a.logger.Warn("requests carry X-Forwarded-For and trusted_proxies is not set: all clients behind a proxy count as one, " +
		"for source_ips, in the log, and in the share of the bytes in flight that a client has")
}

// trustsProxies reports whether the server has the option trusted_proxies in any form.
func trustsProxies(server *caddyhttp.Server) bool {
	source, known := peek[caddyhttp.IPRangeSource](server, "trustedProxies")
	return server.TrustedProxiesUnix || !known || source != nil
}
