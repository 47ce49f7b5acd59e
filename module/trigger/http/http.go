// Package http is the Caddy module `webhooks.triggers.http`: it sends events
// to an operator's HTTP endpoint.
package http

import (
	"context"
	"fmt"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"go.uber.org/zap"

	"github.com/hookgate/hookgate/internal/delivery/endpoint"
	"github.com/hookgate/hookgate/module/trigger"
	"github.com/hookgate/hookgate/module/trigger/triggerconfig"
)

func init() {
	caddy.RegisterModule(Trigger{})
}

// Trigger sends each event of one resource type as a POST request to a URL.
//
// The values {webhook.id}, {webhook.project}, {webhook.alias},
// {webhook.provider}, {webhook.event}, {webhook.event_id},
// {webhook.delivery_id}, {webhook.resource_type} and {webhook.resource_id} may
// stand in the URL's path and query, in header values and in the body. Caddy's
// own placeholders, such as {env.NAME} and {file./path}, are resolved once,
// when the configuration is loaded; an empty one is an error.
type Trigger struct {
	triggerconfig.Options

	// The resource type that integrations name. Required.
	ResourceType string `json:"resource_type,omitempty"`

	// Where events are sent. Values in the path are escaped as the text of one
	// segment, values in the query as one parameter; the scheme, the host and
	// the port are fixed. Required.
	URL string `json:"url,omitempty"`

	// Header fields to set, over those of the sender. The gateway's own and
	// the connection's cannot be set.
	Headers triggerconfig.Headers `json:"headers,omitempty"`

	// A template for the body; each value in it is escaped for a JSON string, and
	// the content type is application/json unless a header says otherwise.
	// Default: the payload as it was received, with its content type.
	Body string `json:"body,omitempty"`

	// Signs each request according to Standard Webhooks. `whsec_` is followed by
	// the key in base64; any other text is itself the key. Default: no signature.
	SigningSecret string `json:"signing_secret,omitempty"`

	engine *endpoint.Endpoint
}

// CaddyModule returns the Caddy module information.
func (Trigger) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "webhooks.triggers.http",
		New: func() caddy.Module { return new(Trigger) },
	}
}

// Provision resolves the operator's placeholders and prepares the templates.
func (t *Trigger) Provision(ctx caddy.Context) error {
	if err := t.provision(ctx); err != nil {
		return fmt.Errorf("trigger http for resource type %q: %w", t.ResourceType, err)
	}
	return nil
}

func (t *Trigger) provision(ctx caddy.Context) error {
	logger := ctx.Logger().With(zap.String("resource_type", t.ResourceType))
	if err := t.Prepare(ctx); err != nil {
		return err
	}
	signingSecret, err := triggerconfig.Secret(logger, "signing_secret", t.SigningSecret)
	if err != nil {
		return fmt.Errorf("signing_secret: %w", err)
	}
	headers, err := t.Headers.Lines(logger)
	if err != nil {
		return err
	}
	tokens, err := t.Projects.Tokens(logger)
	if err != nil {
		return err
	}
	t.engine, err = endpoint.New(endpoint.Options{
		ResourceType:  t.ResourceType,
		URL:           t.URL,
		Headers:       headers,
		Body:          t.Body,
		Timeout:       t.CallTimeout(),
		SigningSecret: signingSecret,
		Tokens:        tokens,
		Transport:     t.Transport(),
		Expand:        triggerconfig.Expand,
	})
	if err != nil {
		return err
	}
	return t.CheckScheme(t.engine.Secure())
}

// ResourceTypes names the one type that the trigger serves.
func (t *Trigger) ResourceTypes() []string { return t.engine.ResourceTypes() }

// Run sends the event once.
func (t *Trigger) Run(ctx context.Context, attempt *trigger.Attempt) trigger.Result {
	return t.engine.Run(ctx, attempt)
}

// UnmarshalCaddyfile reads the trigger. Syntax:
//
//	trigger http <resource_type> <url> {
//	    header         <name> <value...>
//	    timeout        <duration>
//	    concurrency    <number>
//	    signing_secret <secret>
//	    body           <template>
//	    project        <name> {
//	        token     <token>
//	        resources <pattern...>
//	    }
//	    transport      <name> {
//	        ...
//	    }
//	}
//
// `header` and `project` may be given once for each name.
func (t *Trigger) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the module's name
	if !d.AllArgs(&t.ResourceType, &t.URL) {
		return d.ArgErr()
	}
	return t.UnmarshalBlock(d, t, func(name string) (known bool, err error) {
		switch name {
		case "header":
			return true, t.Headers.UnmarshalOption(d)
		case "signing_secret":
			return true, triggerconfig.UnmarshalSecret(d, &t.SigningSecret)
		case "body":
			return true, triggerconfig.UnmarshalText(d, &t.Body)
		}
		return false, nil
	}, "header")
}

// Interface guards
var (
	_ trigger.Trigger       = (*Trigger)(nil)
	_ trigger.Limited       = (*Trigger)(nil)
	_ trigger.TimeLimited   = (*Trigger)(nil)
	_ caddy.Provisioner     = (*Trigger)(nil)
	_ caddyfile.Unmarshaler = (*Trigger)(nil)
)
