package module

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/hookgate/hookgate/internal/credential"
	"github.com/hookgate/hookgate/module/internal/option"
)

// declaration is an integration of the Caddyfile, in the JSON form of the
// admin API. What the Caddyfile leaves out is left out here too, so that the
// same defaults apply.
type declaration struct {
	WebhookID      string              `json:"webhook_id"`
	Project        string              `json:"project,omitempty"`
	Alias          string              `json:"alias,omitempty"`
	IsEnabled      *bool               `json:"is_enabled,omitempty"`
	Authentication declaredCredentials `json:"authentication,omitzero"`
	EventFilter    []string            `json:"event_filter,omitempty"`
	Match          string              `json:"match,omitempty"`
	Dedupe         string              `json:"dedupe,omitempty"`
	Resource       declaredResources   `json:"resource,omitempty"`
	Payload        *declaredPayload    `json:"payload,omitempty"`
}

type declaredResource struct {
	Type string `json:"type"`
	ID   string `json:"id"`
}

// declaredResources are one object, or a list of several.
type declaredResources []declaredResource

func (list declaredResources) MarshalJSON() ([]byte, error) {
	if len(list) == 1 {
		return json.Marshal(list[0])
	}
	return json.Marshal([]declaredResource(list))
}

type declaredPayload struct {
	Fields   map[string]string `json:"fields,omitempty"`
	Template string            `json:"template,omitempty"`
	MaxBytes int64             `json:"max_bytes,omitempty"`
}

// parseIntegration reads a declared integration:
//
//	integration <webhook_id> {
//		project                  <name>
//		alias                    <text>
//		is_enabled               on|off
//		<kind of credential>     …             # as internal/credential reads it
//		require_sha256_signature on|off
//		match                    any|all
//		match                    <expression>
//		allow_unauthenticated
//		event_filter             <name...>
//		dedupe                   delivery|body|none
//		resource                 <type> <id>   # once for each
//		payload {
//			field     <name> <path>
//			template  <text>
//			max_bytes <size>
//		}
//	}
//
// What follows match is how many credentials must be valid or, being neither of
// the two words, an expression that an event must match; both may be given.
//
// Its values are checked when the configuration is loaded, by the rules of
// the admin API.
func (a *App) parseIntegration(d *caddyfile.Dispenser) (json.RawMessage, error) {
	var in declaration
	if !d.NextArg() {
		return nil, d.ArgErr()
	}
	in.WebhookID = d.Val()
	if a.Lines[in.WebhookID] != nil {
		return nil, d.Errf("integration '%s' is repeated", in.WebhookID)
	}
	lines := map[string]string{"": lineOf(d)}
	if a.Lines == nil {
		a.Lines = make(map[string]map[string]string)
	}
	a.Lines[in.WebhookID] = lines
	err := option.Block(d, func(name string) error {
		if name == "resource" {
			lines[fmt.Sprintf("resource[%d]", len(in.Resource))] = lineOf(d)
		}
		lines[name] = cmp.Or(lines[name], lineOf(d))
		return in.read(d, name)
	}, "match", "resource")
	if err != nil {
		return nil, fmt.Errorf("integration %s: %w", in.WebhookID, err)
	}
	if in.Project == "" {
		return nil, d.Errf("integration '%s' has no project", in.WebhookID)
	}
	return caddyconfig.JSON(in, nil), nil
}

// lineOf says where the Caddyfile is read.
func lineOf(d *caddyfile.Dispenser) string {
	return fmt.Sprintf("%s:%d", cmp.Or(d.File(), "Caddyfile"), d.Line())
}

// place says where the Caddyfile has a field of a declared integration, such as
// authentication.signature.secrets[0], or the integration with the field "".
func (a *App) place(webhookID, field string) string {
	lines := a.Lines[webhookID]
	option, _, _ := strings.Cut(strings.TrimPrefix(field, "authentication."), ".")
	if line, ok := lines[option]; ok {
		return line
	}
	option, _, _ = strings.Cut(option, "[")
	return lines[option]
}

func (in *declaration) read(d *caddyfile.Dispenser, name string) error {
	if known, err := in.Authentication.read(d, name); known {
		return err
	}
	settings := &in.Authentication.settings
	switch name {
	case "project":
		return option.Text(d, &in.Project)
	case "alias":
		return option.Text(d, &in.Alias)
	case "is_enabled":
		in.IsEnabled = new(bool)
		return option.Switch(d, in.IsEnabled)
	case "require_sha256_signature":
		settings.RequireSHA256 = new(bool)
		return option.Switch(d, settings.RequireSHA256)
	case "match":
		return in.readMatch(d)
	case "allow_unauthenticated":
		return option.Flag(d, &settings.AllowUnauthenticated)
	case "event_filter":
		return in.readFilter(d)
	case "dedupe":
		return option.Text(d, &in.Dedupe)
	case "resource":
		return in.readResource(d)
	case "payload":
		in.Payload = new(declaredPayload)
		return in.Payload.read(d)
	}
	return option.Unknown(d, in, credential.Kinds(), settings)
}

// readFilter reads names with blanks, commas or both between them: no event
// has a comma in its name, so one is never meant as part of it.
func (in *declaration) readFilter(d *caddyfile.Dispenser) error {
	var list []string
	if err := option.List(d, 1, &list); err != nil {
		return err
	}
	for _, text := range list {
		in.EventFilter = append(in.EventFilter, strings.Split(strings.TrimSuffix(text, ","), ",")...)
	}
	return nil
}

// readResource reads one of the resources.
func (in *declaration) readResource(d *caddyfile.Dispenser) error {
	var r declaredResource
	if err := option.Pair(d, &r.Type, &r.ID); err != nil {
		return err
	}
	if slices.Contains(in.Resource, r) {
		return d.Errf("resource '%s %s' is repeated", r.Type, r.ID)
	}
	in.Resource = append(in.Resource, r)
	return nil
}

// readMatch reads one of the two things that match says. No expression is any
// or all alone: they name nothing that an event has.
func (in *declaration) readMatch(d *caddyfile.Dispenser) error {
	name := d.Val()
	var text string
	if err := option.Text(d, &text); err != nil {
		return err
	}
	into := &in.Match
	if text == "any" || text == "all" {
		into = &in.Authentication.settings.Match
	}
	if *into != "" {
		return d.Errf("'%s' is repeated", name)
	}
	*into = text
	return nil
}

// read reads the block of the option payload.
func (p *declaredPayload) read(d *caddyfile.Dispenser) error {
	p.Fields = make(map[string]string)
	return option.Block(d, func(name string) error {
		switch name {
		case "field":
			var field, path string
			if err := option.Pair(d, &field, &path); err != nil {
				return err
			}
			if _, twice := p.Fields[field]; twice {
				return d.Errf("the field '%s' is repeated", field)
			}
			p.Fields[field] = path
			return nil
		case "template":
			return option.Text(d, &p.Template)
		case "max_bytes":
			return option.Size(d, &p.MaxBytes, 1, 1<<20)
		}
		return option.Unknown(d, p)
	}, "field")
}
