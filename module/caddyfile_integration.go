package module

import (
	"encoding/json"
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

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
	Dedupe         string              `json:"dedupe,omitempty"`
	Resource       *declaredResource   `json:"resource,omitempty"`
}

type declaredCredentials struct {
	SecureHeader         *declaredHeader    `json:"secure_header,omitempty"`
	Signature            *declaredSignature `json:"signature,omitempty"`
	Basic                *declaredBasic     `json:"basic,omitempty"`
	Bearer               *declaredBearer    `json:"bearer,omitempty"`
	RequireSHA256        *bool              `json:"require_sha256_signature,omitempty"`
	Match                string             `json:"match,omitempty"`
	AllowUnauthenticated bool               `json:"allow_unauthenticated,omitempty"`
}

type declaredHeader struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type declaredSignature struct {
	Provider string   `json:"provider"`
	Secrets  []string `json:"secrets"`
}

type declaredBasic struct {
	Username string `json:"username"`
	Password string `json:"password"`
}

type declaredBearer struct {
	Tokens []string `json:"tokens"`
}

type declaredResource struct {
	Type string `json:"type"`
	ID   string `json:"id"`
}

// parseIntegration reads a declared integration:
//
//	integration <webhook_id> {
//		project                  <name>
//		alias                    <text>
//		is_enabled               on|off
//		secure_header            <name> <value>
//		signature                <provider> <secret...>
//		basic                    <user> <password>
//		bearer                   <token...>
//		require_sha256_signature on|off
//		match                    any|all
//		allow_unauthenticated
//		event_filter             <name...>
//		dedupe                   delivery|body|none
//		resource                 <type> <id>
//	}
//
// Its values are checked when the configuration is loaded, by the rules of
// the admin API. declared are the webhook IDs that have been read before.
func parseIntegration(d *caddyfile.Dispenser, declared map[string]bool) (json.RawMessage, error) {
	var in declaration
	if !d.NextArg() {
		return nil, d.ArgErr()
	}
	in.WebhookID = d.Val()
	if declared[in.WebhookID] {
		return nil, d.Errf("integration '%s' is given twice", in.WebhookID)
	}
	declared[in.WebhookID] = true
	if err := option.Block(d, func(name string) error { return in.read(d, name) }); err != nil {
		return nil, err
	}
	if in.Project == "" {
		return nil, d.Errf("integration '%s' has no project", in.WebhookID)
	}
	return caddyconfig.JSON(in, nil), nil
}

func (in *declaration) read(d *caddyfile.Dispenser, name string) error {
	auth := &in.Authentication
	switch name {
	case "project":
		return option.Text(d, &in.Project)
	case "alias":
		return option.Text(d, &in.Alias)
	case "is_enabled":
		in.IsEnabled = new(bool)
		return option.Switch(d, in.IsEnabled)
	case "secure_header":
		auth.SecureHeader = new(declaredHeader)
		return option.Pair(d, &auth.SecureHeader.Name, &auth.SecureHeader.Value)
	case "signature":
		var values []string
		err := option.List(d, 2, &values)
		if err == nil {
			auth.Signature = &declaredSignature{Provider: values[0], Secrets: values[1:]}
		}
		return err
	case "basic":
		auth.Basic = new(declaredBasic)
		return option.Pair(d, &auth.Basic.Username, &auth.Basic.Password)
	case "bearer":
		auth.Bearer = new(declaredBearer)
		return option.List(d, 1, &auth.Bearer.Tokens)
	case "require_sha256_signature":
		auth.RequireSHA256 = new(bool)
		return option.Switch(d, auth.RequireSHA256)
	case "match":
		return option.Text(d, &auth.Match)
	case "allow_unauthenticated":
		return option.Flag(d, &auth.AllowUnauthenticated)
	case "event_filter":
		return in.readFilter(d)
	case "dedupe":
		return option.Text(d, &in.Dedupe)
	case "resource":
		in.Resource = new(declaredResource)
		return option.Pair(d, &in.Resource.Type, &in.Resource.ID)
	}
	return option.Unknown(d)
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
