// Package desk is an example of a trigger outside of Hookgate: the Caddy module
// `webhooks.triggers.desk` opens a ticket at a help desk for each event.
package desk

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/hookgate/hookgate/module/trigger"
	"github.com/hookgate/hookgate/module/trigger/httpcall"
	"github.com/hookgate/hookgate/module/trigger/placeholder"
	"github.com/hookgate/hookgate/module/trigger/triggerconfig"
)

func init() { caddy.RegisterModule(Trigger{}) }

// errMissing is the error for an option that is required.
var errMissing = errors.New("it is missing")

// Trigger opens tickets. It serves the resource type `desk`; a resource is a
// queue of the desk.
type Trigger struct {
	// The projects that may use the trigger, timeout, concurrency and transport,
	// and with them Allow, ConcurrencyLimit and AttemptTimeout.
	triggerconfig.Options

	// Where tickets are opened. {webhook.*} placeholders may stand in the path and
	// the query. Required.
	URL string `json:"url,omitempty"`

	// The desk's token, usually a placeholder such as {env.DESK_TOKEN}. Required.
	Token string `json:"token,omitempty"`

	url    *placeholder.URL
	token  string
	tokens map[string]string // of projects with one of their own
}

// CaddyModule returns the Caddy module information.
func (Trigger) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "webhooks.triggers.desk", New: func() caddy.Module { return new(Trigger) }}
}

// Provision resolves what the operator has configured. It calls nobody.
func (t *Trigger) Provision(ctx caddy.Context) (err error) {
	if err := t.Prepare(ctx); err != nil {
		return err
	}
	if t.url, err = placeholder.ParseURL(t.URL, triggerconfig.Expand); err != nil {
		return fmt.Errorf("url: %w", err)
	}
	if t.token, err = triggerconfig.Secret(ctx.Logger(), "token", t.Token); err != nil {
		return fmt.Errorf("token: %w", err)
	}
	if t.token == "" {
		return fmt.Errorf("token: %w", errMissing)
	}
	if t.tokens, err = t.Projects.Tokens(ctx.Logger()); err != nil {
		return err
	}
	return t.CheckScheme(t.url.Secure())
}

// ResourceTypes names the one type that the trigger serves.
func (t *Trigger) ResourceTypes() []string { return []string{"desk"} }

// Run opens one ticket.
func (t *Trigger) Run(ctx context.Context, attempt *trigger.Attempt) trigger.Result {
	request, err := t.request(ctx, attempt)
	if err != nil {
		// The same event makes the same request: to try again would not help.
		return trigger.Result{Verdict: trigger.Fail, Error: trigger.ErrRequestInvalid, Detail: err.Error()}
	}
	return httpcall.Send(t.Transport(), request, t.CallTimeout())
}

// ticket is what the desk is sent.
type ticket struct {
	Queue string `json:"queue"`
	Title string `json:"title"`
	Text  string `json:"text"`
}

func (t *Trigger) request(ctx context.Context, attempt *trigger.Attempt) (*http.Request, error) {
	event := attempt.Event
	address, err := t.url.For(event)
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(ticket{event.Resource.ID, event.Alias + ": " + event.Type, string(event.Body)})
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address.String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	token := t.tokens[event.Project]
	if token == "" {
		token = t.token
	}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Content-Type", "application/json")
	// An attempt may be repeated: with this the desk opens no second ticket.
	request.Header.Set("Idempotency-Key", attempt.IdempotencyKey)
	return request, nil
}

// UnmarshalCaddyfile reads the trigger. Syntax:
//
//	trigger desk <url> {
//	    token <token>
//	    ... the options that all triggers share
//	}
func (t *Trigger) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the module's name
	if !d.AllArgs(&t.URL) {
		return d.ArgErr()
	}
	return t.UnmarshalBlock(d, t, func(name string) (known bool, err error) {
		if name == "token" {
			return true, triggerconfig.UnmarshalSecret(d, &t.Token)
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
