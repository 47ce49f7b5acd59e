package module

import (
	"encoding/json"

	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
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
// the admin API.
func parseIntegration(d *caddyfile.Dispenser) (json.RawMessage, error) {
	var in declaration
	if !d.NextArg() {
		return nil, d.ArgErr()
	}
	in.WebhookID = d.Val()
	if d.NextArg() {
		return nil, d.ArgErr()
	}
	once := make(options)
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		if err := once.take(d); err != nil {
			return nil, err
		}
		if err := in.option(d); err != nil {
			return nil, err
		}
	}
	if in.Project == "" {
		return nil, d.Errf("integration '%s' has no project", in.WebhookID)
	}
	return caddyconfig.JSON(in, nil), nil
}

func (in *declaration) option(d *caddyfile.Dispenser) (err error) {
	auth := &in.Authentication
	switch d.Val() {
	case "project":
		return oneArg(d, &in.Project)
	case "alias":
		return oneArg(d, &in.Alias)
	case "is_enabled":
		var on bool
		on, err = onOff(d)
		in.IsEnabled = &on
	case "secure_header":
		auth.SecureHeader = new(declaredHeader)
		return twoArgs(d, &auth.SecureHeader.Name, &auth.SecureHeader.Value)
	case "signature":
		var values []string
		if values, err = args(d); err == nil && len(values) < 2 {
			err = d.ArgErr()
		}
		if err == nil {
			auth.Signature = &declaredSignature{Provider: values[0], Secrets: values[1:]}
		}
	case "basic":
		auth.Basic = new(declaredBasic)
		return twoArgs(d, &auth.Basic.Username, &auth.Basic.Password)
	case "bearer":
		auth.Bearer = new(declaredBearer)
		auth.Bearer.Tokens, err = args(d)
	case "require_sha256_signature":
		var on bool
		on, err = onOff(d)
		auth.RequireSHA256 = &on
	case "match":
		return oneArg(d, &auth.Match)
	case "allow_unauthenticated":
		auth.AllowUnauthenticated = true
		return noArgs(d)
	case "event_filter":
		in.EventFilter, err = args(d)
	case "dedupe":
		return oneArg(d, &in.Dedupe)
	case "resource":
		in.Resource = new(declaredResource)
		return twoArgs(d, &in.Resource.Type, &in.Resource.ID)
	default:
		err = d.Errf("unrecognized integration option '%s'", d.Val())
	}
	return err
}

// twoArgs reads an option of two values.
func twoArgs(d *caddyfile.Dispenser, first, second *string) error {
	option := d.Val()
	if !d.AllArgs(first, second) {
		return d.ArgErr()
	}
	return end(d, option)
}
