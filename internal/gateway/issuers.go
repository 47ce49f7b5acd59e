package gateway

import (
	"slices"

	"github.com/hookgate/hookgate/internal/credential"
	"github.com/hookgate/hookgate/internal/jwt"
	"github.com/hookgate/hookgate/internal/sender"
)

// MaxIssuers bounds how many issuers a configuration has.
const MaxIssuers = 100

// issuerFacts returns what integrations must know of an issuer. Google issues a token
// for any audience to anyone with a service account.
func (c *Configuration) issuerFacts(name string) (credential.IssuerFacts, bool) {
	if name == jwt.Google.Name {
		return credential.IssuerFacts{SignsForAll: true}, true
	}
	return credential.IssuerFacts{}, slices.ContainsFunc(c.settings.Issuers, func(issuer jwt.Settings) bool { return issuer.Name == name })
}

// issuerNames lists the issuers.
func (c *Configuration) issuerNames() []string {
	names := []string{jwt.Google.Name}
	for _, issuer := range c.settings.Issuers {
		names = append(names, issuer.Name)
	}
	slices.Sort(names)
	return names
}

// openIssuers returns the configuration's issuers. Their keys are cached by the engine
// and so survive reloads.
func (c *Configuration) openIssuers(e *engine) map[string]*jwt.Issuer {
	issuers := map[string]*jwt.Issuer{jwt.Google.Name: e.keySets.Issuer(jwt.Google)}
	for _, issuer := range c.settings.Issuers {
		issuers[issuer.Name] = e.keySets.Issuer(issuer)
	}
	return issuers
}

// Sources returns the names of everything that keys are fetched from.
func (c *Configuration) Sources() []string {
	names := append(sender.Sources(), jwt.Google.Name)
	for _, issuer := range c.settings.Issuers {
		names = append(names, issuer.Name)
	}
	return names
}
