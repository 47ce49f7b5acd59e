package module

import (
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/hookgate/hookgate/module/internal/option"
)

// read reads the option jwt of an integration. A claim that is written true or
// false is a boolean.
func (t *declaredJWT) read(d *caddyfile.Dispenser) error {
	if !d.NextArg() {
		return d.ArgErr()
	}
	t.Issuer = d.Val()
	t.Claims = make(map[string]any)
	return option.Block(d, func(name string) error {
		switch name {
		case "audience":
			return option.Text(d, &t.Audience)
		case "claim":
			var claim, value string
			if err := option.Pair(d, &claim, &value); err != nil {
				return err
			}
			if _, twice := t.Claims[claim]; twice {
				return d.Errf("the claim '%s' is given twice", claim)
			}
			t.Claims[claim] = value
			if value == "true" || value == "false" {
				t.Claims[claim] = value == "true"
			}
			return nil
		case "header":
			return option.Text(d, &t.Header)
		}
		return option.Unknown(d, t)
	}, "claim")
}
