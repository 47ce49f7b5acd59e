package gate

import (
	"crypto/subtle"
	"fmt"
	"slices"

	"github.com/hookgate/hookgate/internal/filter"
	"github.com/hookgate/hookgate/internal/integration"
	"github.com/hookgate/hookgate/internal/match"
	"github.com/hookgate/hookgate/internal/payload"
	"github.com/hookgate/hookgate/internal/sender"
)

// Route is an integration, ready to judge requests. It is never changed.
type Route struct {
	Integration *integration.Integration

	// provider is nil when the integration names none.
	provider    *sender.Provider
	credentials credentials
	filter      *filter.Filter
	expression  *match.Expression
	shape       *payload.Shape
	// handshakes are the methods of the provider's handshakes.
	handshakes []string
	// strip are the canonical names of the headers that carry credentials.
	strip []string
	// secrets are never stored, wherever they stand.
	secrets []string
}

// Compile prepares an integration. It fails only for one that should not
// have been stored.
func Compile(it *integration.Integration) (*Route, error) {
	r := &Route{Integration: it, filter: filter.New(it.EventFilter)}
	auth := &it.Authentication
	if auth.Signature != nil {
		p, err := providerOf(auth.Signature)
		if err != nil {
			return nil, fmt.Errorf("preparing %s: %w", it.WebhookID, err)
		}
		r.provider = p
		r.handshakes = p.HandshakeMethods()
	}
	var err error
	if r.credentials, err = newCredentials(auth, r.provider); err != nil {
		return nil, fmt.Errorf("preparing %s: %w", it.WebhookID, err)
	}
	if r.expression, err = match.Compile(it.Match); err != nil {
		return nil, fmt.Errorf("preparing %s: match: %w", it.WebhookID, err)
	}
	if it.Payload != nil {
		if r.shape, err = payload.Compile(*it.Payload); err != nil {
			return nil, fmt.Errorf("preparing %s: payload: %w", it.WebhookID, err)
		}
	}
	r.strip = credentialHeaders(auth, r.provider)
	r.secrets = secretTexts(auth)
	return r, nil
}

// Shape is what a trigger receives of the integration's events; nil leaves them
// as they are.
func (r *Route) Shape() *payload.Shape { return r.shape }

// providerOf returns who signs.
func providerOf(signature *integration.Signature) (*sender.Provider, error) {
	if signature.Description != nil {
		return sender.Compile(signature.Description)
	}
	p, found := sender.Lookup(signature.Provider)
	if !found {
		return nil, fmt.Errorf("there is no provider %q", signature.Provider)
	}
	if signature.Tolerance > 0 {
		p = p.Within(signature.Tolerance)
	}
	return p, nil
}

func credentialHeaders(auth *integration.Authentication, p *sender.Provider) []string {
	if p == nil {
		return auth.Headers(nil)
	}
	return auth.Headers(p.CredentialHeaders())
}

func secretTexts(auth *integration.Authentication) []string {
	var texts []string
	for _, secret := range auth.Secrets() {
		texts = append(texts, secret.Reveal())
	}
	return texts
}

// isSecret says whether the value is one of the integration's secrets.
func (r *Route) isSecret(value string) bool {
	return slices.ContainsFunc(r.secrets, func(secret string) bool {
		return len(secret) == len(value) && subtle.ConstantTimeCompare([]byte(secret), []byte(value)) == 1
	})
}
