package gate

import (
	"slices"

	"github.com/hookgate/hookgate/internal/credential"
	"github.com/hookgate/hookgate/internal/match"
)

// Outcomes returns all outcomes that a request may have.
func Outcomes() []Outcome {
	return []Outcome{
		Accepted, Duplicate, Requeued, Filtered, Pong, Handshake, Passed, NotFound, Unauthorized, MethodNotAllowed,
		TooEarly, TooLarge, TooSlow, Invalid, UnsupportedEncoding, Unavailable,
	}
}

// reasons are the reasons without a credential's name.
var reasons = []string{
	"method", "early_data", "length", "content_encoding", "body", "body_cut", "body_unreadable", "form", "event_header", "too_many_events",
	"path", "unknown", "disabled", "project",
	"credential_missing", "credential_not_configured", "secret_refused", "handshake_mismatch", "handshake_malformed",
	"confirmation_failed", "gateway_unavailable", "integration_changing", "lookup_failed", "learn_failed", "match_busy", "match_interrupted",
	"no_trigger", "store_uncertain", "store_unavailable",
}

// Reasons returns every reason that Seen may have, sorted, so that metrics can
// export each from the start: a counter that appears with its first event hides
// that event from increase().
func Reasons() []string {
	all := slices.Clone(reasons)
	all = append(all, credential.Reasons()...)
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
