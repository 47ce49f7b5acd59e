package module

import (
	"cmp"
	"fmt"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/hookgate/hookgate/internal/gateway"
	"github.com/hookgate/hookgate/internal/jwt"
	"github.com/hookgate/hookgate/module/internal/option"
)

// JWTIssuer is who signs JSON web tokens. Its keys are fetched when a token
// comes, over HTTPS and through the proxy of the environment, if there is one.
type JWTIssuer struct {
	// Name is what integrations call it: lowercase letters, digits and
	// hyphens, at most 64.
	Name string `json:"name"`

	// Issuer is the claim `iss` of its tokens, an https URL.
	Issuer string `json:"issuer"`

	// JWKSURL is where its keys are. Default: where its OpenID configuration
	// says, `/.well-known/openid-configuration` below Issuer.
	JWKSURL string `json:"jwks_url,omitempty"`

	// Algorithms are those with which it may sign. Default: RS256, RS384,
	// RS512, PS256, PS384, PS512, ES256, ES384, ES512 and EdDSA, which are all
	// that are possible.
	Algorithms []string `json:"algorithms,omitempty"`
}

func (i *JWTIssuer) settings() jwt.Settings {
	return jwt.Settings{Name: i.Name, Issuer: i.Issuer, JWKSURL: i.JWKSURL, Algorithms: i.Algorithms}
}

func (a *App) provisionIssuers() error {
	if len(a.JWTIssuers) > gateway.MaxIssuers {
		return fmt.Errorf("jwt_issuers: at most %d are allowed", gateway.MaxIssuers)
	}
	seen := make(map[string]bool)
	for n, issuer := range a.JWTIssuers {
		if issuer == nil {
			return fmt.Errorf("jwt_issuers[%d]: must be an object", n)
		}
		name := cmp.Or(issuer.Name, fmt.Sprintf("number %d", n+1))
		var err error
		for _, text := range []*string{&issuer.Issuer, &issuer.JWKSURL} {
			if *text, err = caddy.NewReplacer().ReplaceOrErr(*text, true, true); err != nil {
				return fmt.Errorf("jwt_issuer %s: %w", name, err)
			}
		}
		settings := issuer.settings()
		if err := settings.Validate(); err != nil {
			return fmt.Errorf("jwt_issuer %s: %w", name, err)
		}
		if seen[issuer.Name] {
			return fmt.Errorf("jwt_issuer %s: two issuers have this name", name)
		}
		seen[issuer.Name] = true
	}
	return nil
}

// issuers returns the settings of all.
func (a *App) issuers() []jwt.Settings {
	all := make([]jwt.Settings, 0, len(a.JWTIssuers))
	for _, issuer := range a.JWTIssuers {
		all = append(all, issuer.settings())
	}
	return all
}

// readIssuer reads the option jwt_issuer; see parseGlobalOption for the syntax.
func (a *App) readIssuer(d *caddyfile.Dispenser) error {
	issuer := new(JWTIssuer)
	if !d.AllArgs(&issuer.Name, &issuer.Issuer) {
		return d.ArgErr()
	}
	for _, earlier := range a.JWTIssuers {
		if earlier.Name == issuer.Name {
			return d.Errf("jwt_issuer '%s' is repeated", issuer.Name)
		}
	}
	a.JWTIssuers = append(a.JWTIssuers, issuer)
	return option.About("jwt_issuer "+issuer.Name, option.Block(d, func(name string) error {
		switch name {
		case "jwks_url":
			return option.Text(d, &issuer.JWKSURL)
		case "algorithms":
			return option.List(d, 1, &issuer.Algorithms)
		}
		return option.Unknown(d, issuer)
	}))
}
