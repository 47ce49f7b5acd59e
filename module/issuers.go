package module

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"go.uber.org/zap"

	"github.com/hookgate/hookgate/internal/admin"
	"github.com/hookgate/hookgate/internal/integration"
	"github.com/hookgate/hookgate/internal/jwt"
	"github.com/hookgate/hookgate/internal/remotekey"
	"github.com/hookgate/hookgate/internal/sender"
	"github.com/hookgate/hookgate/module/internal/option"
)

// JWTIssuer is who signs JSON web tokens. Its keys are fetched when a token
// comes, over HTTPS and through the proxy of the environment, if there is one.
type JWTIssuer struct {
	// Name is what integrations call it: lower-case letters, digits and
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

// maxIssuers bounds how many issuers a configuration has.
const maxIssuers = 100

func (a *App) provisionIssuers() error {
	if len(a.JWTIssuers) > maxIssuers {
		return fmt.Errorf("jwt_issuers: at most %d are allowed", maxIssuers)
	}
	seen := make(map[string]bool)
	for n, issuer := range a.JWTIssuers {
		if issuer == nil {
			return fmt.Errorf("jwt_issuers[%d]: an object is needed", n)
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

// issuerFacts is what integrations must know of an issuer. Google gives a token
// for any audience to everyone who has a service account.
func (a *App) issuerFacts(name string) (integration.IssuerFacts, bool) {
	if name == jwt.Google.Name {
		return integration.IssuerFacts{SignsForAll: true}, true
	}
	return integration.IssuerFacts{}, slices.ContainsFunc(a.JWTIssuers, func(issuer *JWTIssuer) bool { return issuer.Name == name })
}

// issuerNames lists the issuers.
func (a *App) issuerNames() []string {
	names := []string{jwt.Google.Name}
	for _, issuer := range a.JWTIssuers {
		names = append(names, issuer.Name)
	}
	slices.Sort(names)
	return names
}

// openIssuers returns the configuration's issuers. What is known of their keys
// is the gateway's, and so outlives reloads.
func (a *App) openIssuers(g *gateway) map[string]*jwt.Issuer {
	issuers := map[string]*jwt.Issuer{jwt.Google.Name: g.keySets.Issuer(jwt.Google)}
	for _, issuer := range a.JWTIssuers {
		issuers[issuer.Name] = g.keySets.Issuer(issuer.settings())
	}
	return issuers
}

// sources returns the names under which keys are fetched.
func (a *App) sources() []string {
	names := append(sender.Sources(), jwt.Google.Name)
	for _, issuer := range a.JWTIssuers {
		names = append(names, issuer.Name)
	}
	return names
}

// sources are where keys have been fetched, by name: issuers of configurations,
// and senders. The zero value has none.
type sources struct {
	mu     sync.Mutex
	byName map[string]admin.Source
}

const maxSources = 4 * maxIssuers

func (s *sources) note(name, code string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byName == nil || len(s.byName) >= maxSources { // after many reloads with other names
		s.byName = make(map[string]admin.Source)
	}
	source := s.byName[name]
	source.Name, source.Error = name, code
	if code == "" {
		source.FetchedAt = time.Now()
	} else {
		source.FailedAt = time.Now()
	}
	s.byName[name] = source
}

func (s *sources) list() []admin.Source {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.SortedFunc(maps.Values(s.byName), func(a, b admin.Source) int { return strings.Compare(a.Name, b.Name) })
}

// fetched tells of a fetch of keys, in metrics, log and status. It names the
// source and never its address, which may be an operator's.
func (g *gateway) fetched(name, code string) {
	g.sources.note(name, code)
	collectors.fetch(name, code)
	if code == "" {
		return
	}
	g.logger.Warn("keys of a sender cannot be fetched", zap.String("source", name), zap.String("error", code))
}

// readIssuer reads the option jwt_issuer; see parseGlobalOption for the syntax.
func (a *App) readIssuer(d *caddyfile.Dispenser) error {
	issuer := new(JWTIssuer)
	if !d.AllArgs(&issuer.Name, &issuer.Issuer) {
		return d.ArgErr()
	}
	for _, earlier := range a.JWTIssuers {
		if earlier.Name == issuer.Name {
			return d.Errf("jwt_issuer '%s' is given twice", issuer.Name)
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

// openRemote prepares what is fetched from others.
func (g *gateway) openRemote(shelf remotekey.Shelf) {
	client := remotekey.NewClient(nil)
	g.keySets = jwt.NewKeySets(client, g.fetched)
	g.remote = &sender.Remote{
		Google:       g.keySets.Issuer(jwt.Google),
		Certificates: remotekey.NewCertificates(client, g.fetched),
		Client:       client,
	}
	g.remote.Certificates.Use(shelf)
	ctx, cancel := context.WithTimeout(context.Background(), shelfPatience)
	defer cancel()
	if err := g.remote.Certificates.Load(ctx, shelf); err != nil {
		g.logger.Warn("certificates of senders are fetched anew", zap.Error(err))
	}
}

func (g *gateway) closeRemote() {
	g.keySets.Close()
	g.remote.Certificates.Close()
}
