// Package jwt verifies JSON Web Tokens (RFC 7519) of issuers that publish their
// keys (RFC 7517). Only asymmetric signatures count: a token that could have
// been made by anyone able to verify it is refused.
package jwt

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/hookgate/hookgate/internal/remotekey"
)

// Settings configure an issuer.
type Settings struct {
	// Name is the name that integrations use.
	Name string
	// Issuer is the claim iss of its tokens: an https URL.
	Issuer string
	// JWKSURL is where its keys are. Default: what its OpenID configuration, below
	// Issuer, says (OpenID Connect Discovery 1.0, section 4).
	JWKSURL string
	// Algorithms are the algorithms it may sign with. Default: all that are
	// supported.
	Algorithms []string
}

// Google signs the requests of Pub/Sub, among others.
var Google = Settings{
	Name:       "google",
	Issuer:     "https://accounts.google.com",
	JWKSURL:    "https://www.googleapis.com/oauth2/v3/certs",
	Algorithms: []string{"RS256"},
}

// algorithms are all supported algorithms (RFC 7518, section 3.1, and RFC
// 8037).
var algorithms = []jose.SignatureAlgorithm{
	jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512,
	jose.ES256, jose.ES384, jose.ES512, jose.EdDSA,
}

// Validate returns what is wrong with the settings, naming the option.
func (s *Settings) Validate() error {
	switch {
	case s.Name == "" || len(s.Name) > 64 || strings.Trim(s.Name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "":
		return fmt.Errorf("name: must be at most 64 lowercase letters, digits and hyphens: %.80q", s.Name)
	case s.Name == Google.Name:
		return errors.New("name: google is predefined")
	case !isHTTPS(s.Issuer) || strings.Contains(s.Issuer, "?"):
		return fmt.Errorf("issuer: must be an https URL without user, query and fragment%s", shown(s.Issuer))
	case s.JWKSURL != "" && !isHTTPS(s.JWKSURL):
		return fmt.Errorf("jwks_url: must be an https URL without user and fragment%s", shown(s.JWKSURL))
	}
	for _, name := range s.Algorithms {
		if !slices.Contains(algorithms, jose.SignatureAlgorithm(name)) {
			return fmt.Errorf("algorithms: unknown %.16q (want %s)", name, strings.Trim(fmt.Sprint(algorithms), "[]"))
		}
	}
	return nil
}

// shown formats an address for a message, unless it may contain a password or
// key.
func shown(address string) string {
	if strings.Contains(address, "@") || strings.Contains(address, "?") {
		return ""
	}
	return fmt.Sprintf(": %q", address)
}

func isHTTPS(text string) bool {
	parsed, err := url.Parse(text)
	return err == nil && parsed.Scheme == "https" && parsed.Host != "" && parsed.User == nil && parsed.Fragment == ""
}

// The limits of the cache: a flood of forged tokens makes the gateway ask an
// issuer twice a minute.
const (
	maxIssuers = 256
	pause      = 30 * time.Second
)

// KeySets caches the keys of issuers. It outlives the issuers that use it.
type KeySets struct {
	client *remotekey.Client
	cache  *remotekey.Cache[keySet]
}

// NewKeySets returns an empty cache. observe is called for each fetch; see
// remotekey.NewCache.
func NewKeySets(client *remotekey.Client, observe func(label, code string)) *KeySets {
	limits := remotekey.Limits{Entries: maxIssuers, Pace: remotekey.Pace{Burst: 1, Pause: pause}}
	return &KeySets{client, remotekey.NewCache[keySet](limits, observe)}
}

// Close ends fetches in progress.
func (k *KeySets) Close() { k.cache.Close() }

// Issuer verifies the tokens of one issuer.
type Issuer struct {
	issuer     string
	algorithms []jose.SignatureAlgorithm
	sets       *KeySets
	source     remotekey.Source[keySet]
}

// Issuer returns the issuer with these settings, which must be valid.
func (k *KeySets) Issuer(s Settings) *Issuer {
	i := &Issuer{issuer: s.Issuer, sets: k, algorithms: algorithms}
	if len(s.Algorithms) > 0 {
		i.algorithms = nil
		for _, name := range s.Algorithms {
			i.algorithms = append(i.algorithms, jose.SignatureAlgorithm(name))
		}
	}
	key := s.Issuer + " " + s.JWKSURL
	i.source = remotekey.Source[keySet]{Key: key, Group: key, Label: s.Name, Fetch: func(ctx context.Context) (keySet, time.Duration, error) {
		return k.fetch(ctx, s.Issuer, s.JWKSURL)
	}}
	return i
}

func (k *KeySets) fetch(ctx context.Context, issuer, address string) (keySet, time.Duration, error) {
	if address == "" {
		var err error
		if address, err = k.discover(ctx, issuer); err != nil {
			return nil, 0, err
		}
	}
	text, age, err := k.client.Get(ctx, address)
	if err != nil {
		return nil, 0, err
	}
	set, err := parseKeySet(text)
	return set, age, err
}

// discover finds where an issuer's keys are.
func (k *KeySets) discover(ctx context.Context, issuer string) (string, error) {
	text, _, err := k.client.Get(ctx, strings.TrimSuffix(issuer, "/")+"/.well-known/openid-configuration")
	if err != nil {
		return "", err
	}
	var configuration struct {
		Issuer  string `json:"issuer"`
		JWKSURI string `json:"jwks_uri"`
	}
	if json.Unmarshal(text, &configuration) != nil || configuration.Issuer != issuer || !isHTTPS(configuration.JWKSURI) {
		return "", remotekey.Invalid()
	}
	return configuration.JWKSURI, nil
}
