package gate

import (
	"slices"

	"github.com/hookgate/hookgate/internal/jwt"
	"github.com/hookgate/hookgate/internal/match"
	"github.com/hookgate/hookgate/internal/sender"
)

// Outcomes returns all that a request may have.
func Outcomes() []Outcome {
	return []Outcome{
		Accepted, Duplicate, Requeued, Filtered, Pong, Handshake, Passed, NotFound, Unauthorized, MethodNotAllowed,
		TooEarly, TooLarge, TooSlow, Invalid, UnsupportedEncoding, Unavailable,
	}
}

// reasons are those that stand for themselves.
var reasons = []string{
	"method", "early_data", "length", "content_encoding", "body", "body_cut", "body_unreadable", "form", "event_header", "too_many_events",
	"path", "unknown", "disabled", "project",
	"credential_missing", "credential_not_configured", "source_ips_mismatch", "secret_refused", "handshake_mismatch", "handshake_malformed", "jwt_issuer_unknown",
	"confirmation_failed", "gateway_unavailable", "integration_changing", "lookup_failed", "learn_failed", "match_busy", "match_interrupted",
	"no_trigger", "store_uncertain", "store_unavailable",
}

// Reasons returns every reason that Seen may have, sorted, so that metrics can
// show each from the start: a counter that appears with its first event hides
// that event from whoever looks at its increase.
func Reasons() []string {
	all := slices.Clone(reasons)
	credential := []sender.Reason{sender.Missing, sender.Duplicate, sender.Malformed, sender.Mismatch}
	for kind, further := range map[string][]sender.Reason{
		"secure_header":      nil,
		"basic":              nil,
		"bearer":             nil,
		"client_certificate": {sender.Stale},
		"signature":          {sender.Stale, sender.Weak, sender.Unavailable, jwt.WrongIssuer, jwt.WrongAudience, jwt.WrongClaim},
		"jwt":                {sender.Stale, sender.Unavailable, jwt.WrongIssuer, jwt.WrongAudience, jwt.WrongClaim},
	} {
		for _, reason := range append(further, credential...) {
			all = append(all, kind+"_"+string(reason))
		}
	}
	for _, s := range []*share{ofAll, ofUnproven, ofIntegration, ofClient} {
		all = append(all, s.full.reason, s.ended.reason)
	}
	for limit := range limited {
		all = append(all, "limit_"+limit)
	}
	all = append(all, match.ReasonPayload, match.ReasonMissing, match.ReasonType, match.ReasonCost, match.ReasonOther)
	slices.Sort(all)
	return slices.Compact(all)
}
