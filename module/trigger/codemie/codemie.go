// Package codemie is the Caddy module `webhooks.triggers.codemie`: it starts
// what the CodeMie platform offers.
package codemie

import (
	"context"
	"fmt"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/hookgate/hookgate/internal/delivery/codemie"
	"github.com/hookgate/hookgate/module/internal/option"
	"github.com/hookgate/hookgate/module/trigger"
	"github.com/hookgate/hookgate/module/trigger/triggerconfig"
)

func init() {
	caddy.RegisterModule(Trigger{})
}

// Trigger starts assistants, workflows and datasources of the CodeMie
// platform. It serves the resource types `assistant`, `workflow` and
// `datasource`. `timeout` is that of one call to the platform; an assistant that
// is a remote agent answers its call only when it is done.
type Trigger struct {
	triggerconfig.Options

	// Where the platform's API is found, with the root path if it has one. It
	// may hold Caddy's placeholders. Required.
	URL string `json:"url,omitempty"`

	// The access token of the platform's user in whose name everything is
	// started. Usually a placeholder, such as {env.NAME} or {file./path}; it
	// is resolved again when the platform refuses the token. Required, unless
	// each project has its own.
	Token string `json:"token,omitempty"`

	// Leaves out the check that a resource belongs to the integration's
	// project on the platform as well. **Then whoever may write integrations
	// of any project can start whatever the token can.** Default: `false`.
	AnyProject bool `json:"any_project,omitempty"`

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

	engine *codemie.Platform
}

// CaddyModule returns the Caddy module information.
func (Trigger) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "webhooks.triggers.codemie",
		New: func() caddy.Module { return new(Trigger) },
	}
}

// Provision resolves the placeholders and prepares the engine. It makes no
// connections.
func (t *Trigger) Provision(ctx caddy.Context) error {
	if err := t.provision(ctx); err != nil {
		return fmt.Errorf("trigger codemie: %w", err)
	}
	return nil
}

func (t *Trigger) provision(ctx caddy.Context) error {
	if err := t.Prepare(ctx); err != nil {
		return err
	}
	url, err := triggerconfig.Expand(t.URL)
	if err != nil {
		return fmt.Errorf("url: %w", err)
	}
	options := codemie.Options{
		URL:           url,
		ProjectTokens: make(map[string]codemie.Token),
		AnyProject:    t.AnyProject,
		Timeout:       t.CallTimeout(),
		PollInterval:  time.Duration(t.PollInterval),
		RunTimeout:    time.Duration(t.RunTimeout),
		Folder:        t.Folder,
		Transport:     t.Transport(),
	}
	if options.Token, err = triggerconfig.SecretReader(ctx.Logger(), "token", t.Token); err != nil {
		return fmt.Errorf("token: %w", err)
	}
	for name, project := range t.Projects {
		own, err := triggerconfig.SecretReader(ctx.Logger(), "token", project.Token)
		if err != nil {
			return fmt.Errorf("project %s: token: %w", name, err)
		}
		if own != nil {
			options.ProjectTokens[name] = own
		}
		options.Projects = append(options.Projects, name)
	}
	if options.Fresh, err = t.FreshTransport(ctx); err != nil {
		return err
	}
	if t.engine, err = codemie.New(options); err != nil {
		return err
	}
	return t.CheckScheme(t.engine.Secure())
}

// ResourceTypes names the three types of the platform.
func (t *Trigger) ResourceTypes() []string { return t.engine.ResourceTypes() }

// AttemptTimeout covers all calls that one attempt makes; each has a time of its
// own.
func (t *Trigger) AttemptTimeout() time.Duration { return maxCalls * t.CallTimeout() }

// maxCalls is above the number of calls that one attempt can make: up to eight,
// each again if the token was renewed.
const maxCalls = 20

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
	return t.UnmarshalBlock(d, t, func(name string) (known bool, err error) {
		switch name {
		case "token":
			return true, triggerconfig.UnmarshalSecret(d, &t.Token)
		case "any_project":
			return true, option.Flag(d, &t.AnyProject)
		case "poll_interval":
			return true, option.Duration(d, &t.PollInterval)
		case "run_timeout":
			return true, option.Duration(d, &t.RunTimeout)
		case "folder":
			return true, triggerconfig.UnmarshalText(d, &t.Folder)
		}
		return false, nil
	})
}

// Interface guards
var (
	_ trigger.Trigger       = (*Trigger)(nil)
	_ trigger.Limited       = (*Trigger)(nil)
	_ trigger.TimeLimited   = (*Trigger)(nil)
	_ caddy.Provisioner     = (*Trigger)(nil)
	_ caddyfile.Unmarshaler = (*Trigger)(nil)
)
