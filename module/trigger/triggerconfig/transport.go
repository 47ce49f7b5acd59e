package triggerconfig

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
)

const transports = "http.reverse_proxy.transport."

// unmarshalTransport reads the option `transport`, as reverse_proxy has it.
func unmarshalTransport(d *caddyfile.Dispenser, into *json.RawMessage) error {
	if !d.NextArg() {
		return d.ArgErr()
	}
	name := d.Val()
	module, err := caddyfile.UnmarshalModule(d, transports+name)
	if err != nil {
		return err
	}
	if _, ok := module.(http.RoundTripper); !ok {
		return d.Errf("the module %s%s is not an http.RoundTripper", transports, name)
	}
	*into = caddyconfig.JSONModuleObject(module, "protocol", name, nil)
	return nil
}

// transportDefaults fills in what differs from reverse_proxy. The proxy
// variables of the environment are not used: an event and the operator's
// credential go where the configuration says. Compressed answers are
// not requested, and the headers of answers are bounded. All connections that attempts
// have used at once are kept for the next ones.
func transportDefaults(raw json.RawMessage) (json.RawMessage, error) {
	options := make(map[string]json.RawMessage)
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &options); err != nil {
			return nil, fmt.Errorf("reading the transport: %w", err)
		}
	}
	if options["protocol"] == nil {
		options["protocol"] = json.RawMessage(`"http"`)
	}
	if string(options["protocol"]) == `"http"` {
		if options["network_proxy"] == nil && options["forward_proxy_url"] == nil {
			options["network_proxy"] = json.RawMessage(`{"from":"none"}`)
		}
		if options["compression"] == nil {
			options["compression"] = json.RawMessage("false")
		}
		if options["max_response_header_size"] == nil {
			options["max_response_header_size"] = json.RawMessage(strconv.Itoa(maxHeader))
		}
		if options["keep_alive"] == nil {
			options["keep_alive"] = json.RawMessage(fmt.Sprintf(`{"max_idle_conns_per_host":%d}`, maxIdle))
		}
	}
	return json.Marshal(options)
}

const (
	maxHeader = 64 << 10 // bytes of an answer's header
	maxIdle   = 256      // connections to one endpoint
	// maxUnread bounds the bytes of an answer over HTTP/2 that an endpoint may
	// send ahead of their being read.
	maxUnread = 256 << 10
)

// transport is how a trigger's connections are made.
type transport struct {
	options json.RawMessage
	kept    http.RoundTripper // keeps connections for the next request
	hasTLS  bool
}

// loadTransport loads the transport that the options name.
func loadTransport(ctx caddy.Context, o *Options) (*transport, error) {
	var err error
	if o.TransportRaw, err = transportDefaults(o.TransportRaw); err != nil {
		return nil, err
	}
	t := &transport{options: o.TransportRaw}
	module, err := ctx.LoadModule(o, "TransportRaw")
	if err != nil {
		return nil, fmt.Errorf("loading the transport: %w", err)
	}
	tls, ok := module.(reverseproxy.TLSTransport)
	t.hasTLS = ok && tls.TLSEnabled()
	t.kept, err = usable(ctx, module)
	return t, err
}

// fresh loads the transport again, without kept connections.
func (t *transport) fresh(ctx caddy.Context) (http.RoundTripper, error) {
	options := make(map[string]json.RawMessage)
	if err := json.Unmarshal(t.options, &options); err != nil {
		return nil, fmt.Errorf("reading the transport: %w", err)
	}
	if string(options["protocol"]) == `"http"` {
		options["keep_alive"] = json.RawMessage(`{"enabled":false}`)
	}
	raw, err := json.Marshal(options)
	if err != nil {
		return nil, err
	}
	module, err := ctx.LoadModule(&Options{TransportRaw: raw}, "TransportRaw")
	if err != nil {
		return nil, fmt.Errorf("loading the transport: %w", err)
	}
	return usable(ctx, module)
}

// usable makes a transport module, loaded for ctx, usable outside of
// reverse_proxy.
func usable(ctx caddy.Context, module any) (http.RoundTripper, error) {
	next, ok := module.(http.RoundTripper)
	if !ok {
		return nil, fmt.Errorf("the transport %T is not an http.RoundTripper", module)
	}
	if t, ok := module.(reverseproxy.ProxyProtocolTransport); ok && t.ProxyProtocolEnabled() {
		return nil, errors.New("the transport cannot use the PROXY protocol: an attempt has no client address")
	}
	t := roundTripper{next: next, closeIdle: func() {}, gone: ctx.Done()}
	if module, ok := module.(*reverseproxy.HTTPTransport); ok && module.Transport != nil {
		module.Transport.HTTP2 = &http.HTTP2Config{MaxReceiveBufferPerStream: maxUnread}
		t.closeIdle = module.Transport.CloseIdleConnections
	}
	return t, nil
}

// roundTripper gives Caddy's transport the replacer that it looks for in a
// request's context. It knows nothing of an event.
type roundTripper struct {
	next      http.RoundTripper
	closeIdle func()
	gone      <-chan struct{} // closed when the configuration is cleaned up
}

// RoundTrip makes one exchange. Caddy closes a configuration's idle connections
// when it is cleaned up; attempts that are still under way leave none behind.
func (t roundTripper) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := t.next.RoundTrip(r.WithContext(context.WithValue(r.Context(), caddy.ReplacerCtxKey, caddy.NewReplacer())))
	select {
	case <-t.gone:
		t.closeIdle()
	default:
	}
	return response, err
}
