// Package codemie is the Caddy module `webhooks.triggers.codemie`: it starts
// what the CodeMie platform offers.
package codemie

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"go.uber.org/zap"

	"github.com/hookgate/hookgate/internal/delivery/codemie"
	"github.com/hookgate/hookgate/module/internal/option"
	"github.com/hookgate/hookgate/module/internal/secret"
	"github.com/hookgate/hookgate/module/trigger"
	"github.com/hookgate/hookgate/module/trigger/internal/guest"
)

func init() {
	caddy.RegisterModule(Trigger{})
}

// Trigger starts assistants, workflows and datasources of the CodeMie
// platform. It serves the resource types `assistant`, `workflow` and
// `datasource`.
type Trigger struct {
	// Where the platform's API is found, with the root path if it has one. It
	// may hold Caddy's placeholders. Required.
	URL string `json:"url,omitempty"`

	// The access token of the platform's user in whose name everything is
	// started. Usually a placeholder, such as {env.NAME} or {file./path}; it
	// is resolved anew when the platform refuses the token. Required, unless
	// each project has its own.
	Token string `json:"token,omitempty"`

	// Leaves out the check that a resource belongs to the integration's
	// project on the platform as well. **Then whoever may write integrations
	// of any project can start whatever the token can.** Default: `false`.
	AnyProject bool `json:"any_project,omitempty"`

	// How long one call to the platform may take. An assistant that is a
	// remote agent answers only when it is done. Default: `30s`.
	Timeout caddy.Duration `json:"timeout,omitempty"`

	// How many attempts may be under way at once. Default: the gateway's limit
	// for each trigger.
	Concurrency int `json:"concurrency,omitempty"`

	// The longest time between two looks at a run in its first half hour. The
	// first looks follow each other faster; later ones, and those at runs with
	// a large payload, more slowly. Default: `15s`.
	PollInterval caddy.Duration `json:"poll_interval,omitempty"`

	// How long a run is followed before its event fails. Default: `1h` for an
	// assistant, `6h` for a workflow and a datasource.
	RunTimeout caddy.Duration `json:"run_timeout,omitempty"`

	// The folder of the chat history that assistants' chats are made in.
	// Default: `job`.
	Folder string `json:"folder,omitempty"`

	// The projects that may use this trigger, each with its own token and
	// resources. Default: all projects may.
	Projects guest.Projects `json:"projects,omitempty"`

	// How connections are made, as in reverse_proxy. Unlike there, the proxy
	// variables of the environment are not used. Default: HTTP/1.1 and HTTP/2.
	TransportRaw json.RawMessage `json:"transport,omitempty" caddy:"namespace=http.reverse_proxy.transport inline_key=protocol"`

	engine *codemie.Platform
}

// CaddyModule returns the Caddy module information.
func (Trigger) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "webhooks.triggers.codemie",
		New: func() caddy.Module { return new(Trigger) },
	}
}

// Provision resolves the placeholders and prepares the engine. It calls nobody.
func (t *Trigger) Provision(ctx caddy.Context) error {
	if err := t.provision(ctx); err != nil {
		return fmt.Errorf("trigger codemie: %w", err)
	}
	return nil
}

func (t *Trigger) provision(ctx caddy.Context) error {
	if t.Concurrency < 0 {
		return errors.New("concurrency: a number from 1 is needed, or none")
	}
	url, err := secret.Expand(t.URL)
	if err != nil {
		return fmt.Errorf("url: %w", err)
	}
	options := codemie.Options{
		URL:           url,
		ProjectTokens: make(map[string]codemie.Token),
		Projects:      t.Projects.Limits(),
		AnyProject:    t.AnyProject,
		Timeout:       time.Duration(t.Timeout),
		PollInterval:  time.Duration(t.PollInterval),
		RunTimeout:    time.Duration(t.RunTimeout),
		Folder:        t.Folder,
	}
	if options.Token, err = token(ctx, t.Token); err != nil {
		return fmt.Errorf("token: %w", err)
	}
	for name, project := range t.Projects {
		own, err := token(ctx, project.Token)
		if err != nil {
			return fmt.Errorf("project %s: token: %w", name, err)
		}
		if own != nil {
			options.ProjectTokens[name] = own
		}
	}

	if t.TransportRaw, err = guest.TransportDefaults(t.TransportRaw); err != nil {
		return err
	}
	if options.Fresh, err = guest.Fresh(ctx, t.TransportRaw); err != nil {
		return err
	}
	module, err := ctx.LoadModule(t, "TransportRaw")
	if err != nil {
		return fmt.Errorf("loading the transport: %w", err)
	}
	if options.Transport, err = guest.RoundTripper(ctx, module); err != nil {
		return err
	}
	if t.engine, err = codemie.New(options); err != nil {
		return err
	}
	return guest.CheckScheme(module, t.engine.Secure())
}

// token returns what reads the token anew, or nil without one.
func token(ctx caddy.Context, configured string) (codemie.Token, error) {
	if configured == "" {
		return nil, nil
	}
	if _, err := secret.Token(ctx.Logger(), "token", configured); err != nil {
		return nil, err
	}
	return func() (string, error) {
		return secret.Token(zap.NewNop(), "token", configured) // the warning was given
	}, nil
}

// ResourceTypes names the three types of the platform.
func (t *Trigger) ResourceTypes() []string { return t.engine.ResourceTypes() }

// ConcurrencyLimit is how many attempts may be under way at once, 0 for the
// gateway's own limit.
func (t *Trigger) ConcurrencyLimit() int { return t.Concurrency }

// Allow says whether the project may start the resource.
func (t *Trigger) Allow(project string, resource trigger.Resource) error {
	return t.engine.Allow(project, resource)
}

// Run starts the resource, or looks after what was started.
func (t *Trigger) Run(ctx context.Context, attempt *trigger.Attempt) trigger.Result {
	return t.engine.Run(ctx, attempt)
}

// UnmarshalCaddyfile reads the trigger. Syntax:
//
//	trigger codemie <url> {
//	    token         <token>
//	    any_project
//	    timeout       <duration>
//	    concurrency   <number>
//	    poll_interval <duration>
//	    run_timeout   <duration>
//	    folder        <name>
//	    project       <name> {
//	        token     <token>
//	        resources <pattern...>
//	    }
//	    transport     <name> {
//	        ...
//	    }
//	}
//
// `project` may be given once for each name.
func (t *Trigger) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the module's name
	if !d.AllArgs(&t.URL) {
		return d.ArgErr()
	}
	return option.Block(d, func(name string) error {
		switch name {
		case "token":
			return option.Secret(d, &t.Token)
		case "any_project":
			return option.Flag(d, &t.AnyProject)
		case "timeout":
			return option.Duration(d, &t.Timeout)
		case "concurrency":
			return option.Number(d, &t.Concurrency, 1)
		case "poll_interval":
			return option.Duration(d, &t.PollInterval)
		case "run_timeout":
			return option.Duration(d, &t.RunTimeout)
		case "folder":
			return option.Text(d, &t.Folder)
		case "project":
			return t.Projects.UnmarshalOption(d)
		case "transport":
			return guest.UnmarshalTransport(d, &t.TransportRaw)
		}
		return option.Unknown(d, t)
	}, "project")
}

// Interface guards
var (
	_ trigger.Trigger       = (*Trigger)(nil)
	_ trigger.Limited       = (*Trigger)(nil)
	_ caddy.Provisioner     = (*Trigger)(nil)
	_ caddyfile.Unmarshaler = (*Trigger)(nil)
)
