// Package http is the Caddy module `webhooks.triggers.http`: it sends events
// to an operator's HTTP endpoint.
package http

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"go.uber.org/zap"

	"github.com/hookgate/hookgate/internal/delivery/endpoint"
	"github.com/hookgate/hookgate/module/internal/option"
	"github.com/hookgate/hookgate/module/internal/secret"
	"github.com/hookgate/hookgate/module/trigger"
	"github.com/hookgate/hookgate/module/trigger/internal/guest"
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
	// The resource type that integrations name. Required.
	ResourceType string `json:"resource_type,omitempty"`

	// Where events are sent. Values in the path are escaped as the text of one
	// segment, values in the query as one parameter; the scheme, the host and
	// the port are fixed. Required.
	URL string `json:"url,omitempty"`

	// Header fields to set, over those of the sender. The gateway's own and
	// the connection's cannot be set.
	Headers map[string]Values `json:"headers,omitempty"`

	// A template for the body; each value in it is escaped for a JSON string,
	// and the content type is application/json unless a header says otherwise.
	// Default: the payload as it came, with its content type.
	Body string `json:"body,omitempty"`

	// How long an attempt may take in all. Default: `30s`.
	Timeout caddy.Duration `json:"timeout,omitempty"`

	// How many attempts may be under way at once. Default: the gateway's limit
	// for each trigger.
	Concurrency int `json:"concurrency,omitempty"`

	// Signs each request by Standard Webhooks. After `whsec_` stands the key
	// in base64; any other text is the key itself. Default: no signature.
	SigningSecret string `json:"signing_secret,omitempty"`

	// The projects that may use this trigger, each with its own bearer token
	// and resources. Default: all projects may.
	Projects guest.Projects `json:"projects,omitempty"`

	// How connections are made, as in reverse_proxy. Unlike there, the proxy
	// variables of the environment are not used. Default: HTTP/1.1 and HTTP/2.
	TransportRaw json.RawMessage `json:"transport,omitempty" caddy:"namespace=http.reverse_proxy.transport inline_key=protocol"`

	engine *endpoint.Endpoint
}

// Values are the values of a header field: in JSON a list, or one string.
type Values []string

// UnmarshalJSON reads either form.
func (v *Values) UnmarshalJSON(text []byte) error {
	var one string
	if json.Unmarshal(text, &one) == nil {
		*v = Values{one}
		return nil
	}
	return json.Unmarshal(text, (*[]string)(v))
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
	if t.Concurrency < 0 {
		return errors.New("concurrency: a number from 1 is needed, or none")
	}
	logger := ctx.Logger().With(zap.String("resource_type", t.ResourceType))
	signingSecret, err := secret.Token(logger, "signing_secret", t.SigningSecret)
	if err != nil {
		return fmt.Errorf("signing_secret: %w", err)
	}
	headers := make(map[string][]string, len(t.Headers))
	for name, values := range t.Headers {
		headers[name] = values
		for _, value := range values {
			if !carriesCredential(name) {
				continue
			}
			secret.WarnLiteral(logger, "header "+name, value)
			if err := secret.Check(value); err != nil {
				return fmt.Errorf("header %s: %w", name, err)
			}
		}
	}
	tokens := make(map[string]string)
	for name, project := range t.Projects {
		if tokens[name], err = secret.Token(logger, "token", project.Token); err != nil {
			return fmt.Errorf("project %s: token: %w", name, err)
		}
	}

	if t.TransportRaw, err = guest.TransportDefaults(t.TransportRaw); err != nil {
		return err
	}
	module, err := ctx.LoadModule(t, "TransportRaw")
	if err != nil {
		return fmt.Errorf("loading the transport: %w", err)
	}
	transport, err := guest.RoundTripper(ctx, module)
	if err != nil {
		return err
	}
	t.engine, err = endpoint.New(endpoint.Options{
		ResourceType:  t.ResourceType,
		URL:           t.URL,
		Headers:       headers,
		Body:          t.Body,
		Timeout:       time.Duration(t.Timeout),
		SigningSecret: signingSecret,
		Projects:      t.Projects.Limits(),
		Tokens:        tokens,
		Transport:     transport,
		Expand:        secret.Expand,
	})
	if err != nil {
		return err
	}
	return guest.CheckScheme(module, t.engine.Secure())
}

// carriesCredential guesses by a header's name whether its value is a secret.
func carriesCredential(name string) bool {
	name = strings.ToLower(name)
	for _, word := range []string{"authorization", "cookie", "token", "secret", "key", "password"} {
		if strings.Contains(name, word) {
			return true
		}
	}
	return false
}

// ResourceTypes names the one type that the trigger serves.
func (t *Trigger) ResourceTypes() []string { return t.engine.ResourceTypes() }

// ConcurrencyLimit is how many attempts may be under way at once, 0 for the
// gateway's own limit.
func (t *Trigger) ConcurrencyLimit() int { return t.Concurrency }

// Allow says whether the project may start the resource.
func (t *Trigger) Allow(project string, resource trigger.Resource) error {
	return t.engine.Allow(project, resource)
}

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
	return option.Block(d, func(name string) error {
		switch name {
		case "header":
			return t.unmarshalHeader(d)
		case "timeout":
			return option.Duration(d, &t.Timeout)
		case "concurrency":
			return option.Number(d, &t.Concurrency, 1)
		case "signing_secret":
			return option.Secret(d, &t.SigningSecret)
		case "body":
			return option.Text(d, &t.Body)
		case "project":
			return t.Projects.UnmarshalOption(d)
		case "transport":
			return guest.UnmarshalTransport(d, &t.TransportRaw)
		}
		return option.Unknown(d, t)
	}, "header", "project")
}

func (t *Trigger) unmarshalHeader(d *caddyfile.Dispenser) error {
	var args []string
	if err := option.List(d, 2, &args); err != nil {
		return err
	}
	name := args[0]
	for earlier := range t.Headers {
		if strings.EqualFold(earlier, name) {
			return d.Errf("the header %s is repeated", name)
		}
	}
	if t.Headers == nil {
		t.Headers = make(map[string]Values)
	}
	t.Headers[name] = args[1:]
	return nil
}

// Interface guards
var (
	_ trigger.Trigger       = (*Trigger)(nil)
	_ trigger.Limited       = (*Trigger)(nil)
	_ caddy.Provisioner     = (*Trigger)(nil)
	_ caddyfile.Unmarshaler = (*Trigger)(nil)
)
