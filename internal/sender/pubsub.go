package sender

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/hookgate/hookgate/internal/jwt"
	"github.com/hookgate/hookgate/internal/syntax"
	"github.com/hookgate/hookgate/module/provider"
)

// pubsub checks the token that Google signs for a service account and an
// audience. It does not cover the body.
type pubsub struct {
	wanted []jwt.Want
}

var errSecretPubSub = errors.New("a secret of this provider is the service account's email and, after a blank, the audience of the subscription")

func newPubSub(secrets []string) (provider.Verifier, error) {
	var p pubsub
	for _, secret := range secrets {
		email, audience, found := strings.Cut(secret, " ")
		if !found || !strings.Contains(email, "@") || audience == "" || strings.TrimSpace(audience) != audience || !syntax.IsPrintable(secret) {
			return nil, errSecretPubSub
		}
		p.wanted = append(p.wanted, jwt.Want{Audience: audience, Claims: map[string]any{"email": email, "email_verified": true}})
	}
	return p, nil
}

func (p pubsub) needsBody() bool { return false }

// Verify can do nothing without Google's keys.
func (p pubsub) Verify(*provider.Request) Reason { return Unavailable }

func (p pubsub) verifyBy(ctx context.Context, r *provider.Request, remote *Remote, _ bool) Reason {
	token, ok := bearer(r.Header)
	if !ok {
		return Malformed
	}
	reason := Mismatch
	for _, wanted := range p.wanted {
		switch one := remote.Google.Verify(ctx, token, wanted, r.Now); one {
		case "":
			return ""
		case Unavailable:
			reason = one // another may still be valid
		default:
			if reason != Unavailable {
				reason = one
			}
		}
	}
	return reason
}

// bearer returns the token of the Authorization header (RFC 6750).
func bearer(header http.Header) (string, bool) {
	values := header["Authorization"]
	if len(values) != 1 {
		return "", false
	}
	scheme, token, found := strings.Cut(values[0], " ")
	return strings.TrimLeft(token, " "), found && strings.EqualFold(scheme, "Bearer")
}
