package jwt

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/hookgate/hookgate/module/provider"
)

// The reasons why a token is refused, besides those of package provider.
const (
	WrongIssuer   provider.Reason = "issuer"
	WrongAudience provider.Reason = "audience"
	WrongClaim    provider.Reason = "claim"
)

// Want is what a token must contain.
type Want struct {
	Audience string
	// Claims are strings or bools. If the token has a list, the string must be in
	// it.
	Claims map[string]any
}

// The limits of a token.
const (
	maxToken = 16 << 10 // bytes
	leeway   = time.Minute
)

// Verify returns "" for a token of the issuer with the wanted content. Keys are
// fetched only for a possible token of the issuer, and if they cannot be
// fetched, the reason is provider.Unavailable. A nil issuer has no tokens.
func (i *Issuer) Verify(ctx context.Context, text string, want Want, now time.Time) provider.Reason {
	if i == nil {
		return provider.Unavailable
	}
	token, err := Parse(text, i.algorithms...)
	if err != nil {
		return provider.Malformed
	}
	// Checking claims before the signature is verified only saves work.
	var claims jwt.Claims
	if err := token.UnsafeClaimsWithoutVerification(&claims); err != nil {
		return provider.Malformed
	}
	if reason := i.check(&claims, want.Audience, now); reason != "" {
		return reason
	}
	var all map[string]any
	if reason := i.open(ctx, token, &all); reason != "" {
		return reason
	}
	for name, value := range want.Claims {
		if !says(all[name], value) {
			return WrongClaim
		}
	}
	return ""
}

var errMalformed = errors.New("the token is malformed")

// Parse parses a token of at most 16 KiB that is signed with one of the
// algorithms. It verifies nothing. Each of its parts has only one spelling.
func Parse(text string, algorithms ...jose.SignatureAlgorithm) (*jwt.JSONWebToken, error) {
	if len(text) > maxToken {
		return nil, errMalformed
	}
	for part := range strings.SplitSeq(text, ".") {
		if _, err := base64.RawURLEncoding.Strict().DecodeString(part); err != nil || strings.ContainsAny(part, "\r\n") {
			return nil, errMalformed
		}
	}
	token, err := jwt.ParseSigned(text, algorithms)
	if err != nil || len(token.Headers) != 1 {
		return nil, errMalformed
	}
	return token, nil
}

func (i *Issuer) check(claims *jwt.Claims, audience string, now time.Time) provider.Reason {
	if claims.Expiry == nil || audience == "" {
		return provider.Malformed
	}
	err := claims.ValidateWithLeeway(jwt.Expected{Issuer: i.issuer, AnyAudience: jwt.Audience{audience}, Time: now}, leeway)
	switch {
	case err == nil:
		return ""
	case errors.Is(err, jwt.ErrInvalidIssuer):
		return WrongIssuer
	case errors.Is(err, jwt.ErrInvalidAudience):
		return WrongAudience
	}
	return provider.Stale
}

// open reads the claims of a token that one of the issuer's keys has signed. An
// unknown key may be a new one.
func (i *Issuer) open(ctx context.Context, token *jwt.JSONWebToken, claims *map[string]any) provider.Reason {
	header := &token.Headers[0]
	set, err := i.sets.cache.Get(ctx, &i.source)
	if err != nil {
		return provider.Unavailable
	}
	fitting := set.fitting(header.KeyID, header.Algorithm)
	if opens(token, fitting, claims) {
		return ""
	}
	if header.KeyID != "" && len(fitting) > 0 {
		return provider.Mismatch
	}
	if set, err = i.sets.cache.Renew(ctx, &i.source); err != nil {
		return provider.Unavailable
	}
	if !opens(token, set.fitting(header.KeyID, header.Algorithm), claims) {
		return provider.Mismatch
	}
	return ""
}

func opens(token *jwt.JSONWebToken, keys []jose.JSONWebKey, claims *map[string]any) bool {
	for n := range keys {
		if token.Claims(keys[n].Key, claims) == nil {
			return true
		}
	}
	return false
}

// says compares a claim with the wanted value.
func says(claim, wanted any) bool {
	switch claim := claim.(type) {
	case string, bool:
		return claim == wanted
	case []any:
		for _, one := range claim {
			if text, ok := one.(string); ok && text == wanted {
				return true
			}
		}
	}
	return false
}
