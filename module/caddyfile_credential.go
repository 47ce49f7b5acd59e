package module

import (
	"encoding/json"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/hookgate/hookgate/internal/credential"
	"github.com/hookgate/hookgate/internal/form"
	"github.com/hookgate/hookgate/module/internal/option"
	"github.com/hookgate/hookgate/module/provider"
)

// declaredCredentials are the ways in of a declared integration, in the order of
// the JSON form.
type declaredCredentials struct {
	credentials map[string]any // by kind
	settings    declaredSettings
}

type declaredSettings struct {
	RequireSHA256        *bool  `json:"require_sha256_signature,omitempty"`
	Match                string `json:"match,omitempty"`
	AllowUnauthenticated bool   `json:"allow_unauthenticated,omitempty"`
}

// MarshalJSON implements json.Marshaler.
func (c declaredCredentials) MarshalJSON() ([]byte, error) {
	var members form.Object
	for _, kind := range credential.Kinds() {
		if formed, declared := c.credentials[kind]; declared {
			members = append(members, form.Field{Name: kind, Value: formed})
		}
	}
	if c.settings.RequireSHA256 != nil {
		members = append(members, form.Field{Name: "require_sha256_signature", Value: c.settings.RequireSHA256})
	}
	if c.settings.Match != "" {
		members = append(members, form.Field{Name: "match", Value: c.settings.Match})
	}
	if c.settings.AllowUnauthenticated {
		members = append(members, form.Field{Name: "allow_unauthenticated", Value: true})
	}
	return json.Marshal(members)
}

// read reads an option that declares a credential. known is false for any other.
func (c *declaredCredentials) read(d *caddyfile.Dispenser, name string) (known bool, err error) {
	formed, known, err := credential.ReadOption(name, credentialOptions{d})
	if known {
		if c.credentials == nil {
			c.credentials = make(map[string]any)
		}
		c.credentials[name] = formed
	}
	return known, err
}

// credentialOptions reads the option of a credential.
type credentialOptions struct{ d *caddyfile.Dispenser }

func (o credentialOptions) Words(least, most int) ([]string, error) {
	if o.d.CountRemainingArgs() < least {
		return nil, o.d.ArgErr()
	}
	var words []string
	for (most == 0 || len(words) < most) && o.d.NextArg() {
		words = append(words, o.d.Val())
	}
	return words, nil
}

func (o credentialOptions) Text(into *string) error { return option.Text(o.d, into) }

func (o credentialOptions) Pair(first, second *string) error { return option.Pair(o.d, first, second) }

func (o credentialOptions) Secret(into ...*string) error { return option.Secret(o.d, into...) }

func (o credentialOptions) Login(user, password *string) error {
	return option.Login(o.d, user, password)
}

func (o credentialOptions) List(least int, into *[]string) error {
	return option.List(o.d, least, into)
}

func (o credentialOptions) Duration(into *time.Duration) error {
	return option.Duration(o.d, (*caddy.Duration)(into))
}

func (o credentialOptions) Block(read func(name string) error, repeatable ...string) error {
	return option.Block(o.d, read, repeatable...)
}

func (o credentialOptions) Description(into *provider.Description) error {
	return readDescription(o.d, into)
}

func (o credentialOptions) Unknown(structs ...any) error { return option.Unknown(o.d, structs...) }

func (o credentialOptions) Errf(format string, args ...any) error { return o.d.Errf(format, args...) }

// Interface guard
var _ credential.Options = credentialOptions{}
