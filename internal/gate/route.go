package gate

import (
	"crypto/subtle"
	"fmt"
	"slices"

	"github.com/hookgate/hookgate/internal/credential"
	"github.com/hookgate/hookgate/internal/filter"
	"github.com/hookgate/hookgate/internal/integration"
	"github.com/hookgate/hookgate/internal/match"
	"github.com/hookgate/hookgate/internal/payload"
	"github.com/hookgate/hookgate/internal/sender"
)

// Route is an integration, ready to judge requests. It is immutable.
type Route struct {
	Integration *integration.Integration

	// provider is nil if the integration names none.
	provider   *sender.Provider
	checker    *credential.Checker
	filter     *filter.Filter
	expression *match.Expression
	shape      *payload.Shape
	// handshakes are the methods of the provider's handshakes.
	handshakes []string
	// strip are the canonical names of the headers that carry credentials.
	strip []string
	// secrets are never stored, wherever they occur.
	secrets []string
}

// Compile prepares an integration. It fails only for one that should not have
// been stored.
func Compile(it *integration.Integration) (*Route, error) {
	r := &Route{Integration: it, filter: filter.New(it.EventFilter)}
	auth := &it.Authentication
	var err error
	r.checker, err = credential.NewChecker(auth.Credentials, credential.Policy{
		All:    auth.Match != integration.MatchAny,
		Signed: auth.RequireSHA256Signature,
		Open:   auth.AllowUnauthenticated,
	})
	if err != nil {
		return nil, fmt.Errorf("preparing %s: %w", it.WebhookID, err)
	}
	var signed []string
	if r.provider = r.checker.Provider; r.provider != nil {
		r.handshakes = r.provider.HandshakeMethods()
		signed = r.provider.CredentialHeaders()
	}
	r.strip = auth.Credentials.Headers(signed)
	for _, secret := range auth.Credentials.Secrets() {
		r.secrets = append(r.secrets, secret.Reveal())
	}
	if r.expression, err = match.Compile(it.Match); err != nil {
		return nil, fmt.Errorf("preparing %s: match: %w", it.WebhookID, err)
	}
	if it.Payload != nil {
		if r.shape, err = payload.Compile(*it.Payload); err != nil {
			return nil, fmt.Errorf("preparing %s: payload: %w", it.WebhookID, err)
		}
	}
	return r, nil
}

// Shape determines what a trigger receives of the integration's events; nil
// leaves them as they are.
func (r *Route) Shape() *payload.Shape { return r.shape }

// isSecret reports whether the value is one of the integration's secrets.
func (r *Route) isSecret(value string) bool {
	return slices.ContainsFunc(r.secrets, func(secret string) bool {
		return len(secret) == len(value) && subtle.ConstantTimeCompare([]byte(secret), []byte(value)) == 1
	})
}
