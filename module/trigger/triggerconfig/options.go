// Package triggerconfig holds the configuration that triggers share, for their
// Caddy modules: the projects they serve, limits of time and number, how
// connections are made, secrets, and all of that in a Caddyfile.
//
// A module embeds Options and calls Prepare when it is provisioned. It then has
// Allow, ConcurrencyLimit and AttemptTimeout of package trigger, which the
// configuration decides, and Transport for its connections.
package triggerconfig

import (
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/hookgate/hookgate/module/internal/option"
	"github.com/hookgate/hookgate/module/trigger"
	"github.com/hookgate/hookgate/module/trigger/httpcall"
)

// Options are the options that triggers share.
type Options struct {
	// How long one call to the endpoint may take in all: connecting, sending,
	// waiting and reading. Default: `30s`.
	Timeout caddy.Duration `json:"timeout,omitempty"`

	// How many attempts may be under way at once. Default: the gateway's limit
	// for each trigger.
	Concurrency int `json:"concurrency,omitempty"`

	// The projects that may use this trigger, each with its own bearer token
	// and resources. Default: all projects may.
	Projects Projects `json:"projects,omitempty"`

	// How connections are made, as in reverse_proxy. Unlike there, the proxy
	// variables of the environment are not used. Default: HTTP/1.1 and HTTP/2.
	TransportRaw json.RawMessage `json:"transport,omitempty" caddy:"namespace=http.reverse_proxy.transport inline_key=protocol"`

	transport *transport
}

// Prepare checks the options and loads the transport. It makes no connections.
func (o *Options) Prepare(ctx caddy.Context) error {
	if o.Concurrency < 0 {
		return errors.New("concurrency must be at least 1, or omitted")
	}
	if o.Timeout < 0 {
		return errors.New("timeout is negative")
	}
	if err := o.Projects.validate(); err != nil {
		return err
	}
	var err error
	o.transport, err = loadTransport(ctx, o)
	return err
}

// Transport returns what makes the connections.
func (o *Options) Transport() http.RoundTripper { return o.transport.kept }

// FreshTransport returns the same transport, but each request gets its own
// connection, which is closed after the answer. Use it for requests that must
// not be sent twice: the other side may close a kept-alive connection while a
// request is in transit, and then it is unknown whether the request arrived. A
// transport that is not Caddy's own keeps its connections.
func (o *Options) FreshTransport(ctx caddy.Context) (http.RoundTripper, error) {
	return o.transport.fresh(ctx)
}

// CheckScheme refuses TLS options beside a URL that is not https: they would be
// left out silently.
func (o *Options) CheckScheme(secure bool) error {
	if o.transport.hasTLS && !secure {
		return errors.New("the transport has TLS options, but the URL begins with http://")
	}
	return nil
}

// CallTimeout returns how long one call may take.
func (o *Options) CallTimeout() time.Duration {
	if o.Timeout == 0 {
		return httpcall.DefaultTimeout
	}
	return time.Duration(o.Timeout)
}

// AttemptTimeout implements trigger.TimeLimited for an attempt that is one call,
// with time for what is done beside it.
func (o *Options) AttemptTimeout() time.Duration {
	return max(2*o.CallTimeout(), trigger.DefaultAttemptTimeout)
}

// ConcurrencyLimit implements trigger.Limited: 0 is the gateway's own limit.
func (o *Options) ConcurrencyLimit() int { return o.Concurrency }

// Allow implements the method of trigger.Trigger: it reports whether the
// configuration lets the project start the resource.
func (o *Options) Allow(project string, resource trigger.Resource) error {
	return o.Projects.Allow(project, resource)
}

// UnmarshalBlock reads the block of a trigger whose options are the fields of
// self, a struct that embeds o. Shared options are read here:
//
//	timeout     <duration>
//	concurrency <number>
//	project     <name> {
//	    token     <token>
//	    resources <pattern...>
//	}
//	transport   <name> {
//	    ...
//	}
//
// own gets each other one, with the dispenser at its name, and reports whether
// there is such an option. An option that stands twice is an error unless it is
// repeatable; so are a word too many and an unknown option.
func (o *Options) UnmarshalBlock(d *caddyfile.Dispenser, self any, own func(name string) (known bool, err error), repeatable ...string) error {
	return option.Block(d, func(name string) error {
		switch name {
		case "timeout":
			return option.Duration(d, &o.Timeout)
		case "concurrency":
			return option.Number(d, &o.Concurrency, 1)
		case "project":
			return o.Projects.unmarshal(d)
		case "transport":
			return unmarshalTransport(d, &o.TransportRaw)
		}
		known, err := own(name)
		if err != nil {
			return err
		}
		if !known {
			return option.Unknown(d, self, o)
		}
		return option.End(d, name)
	}, append(repeatable, "project")...)
}
