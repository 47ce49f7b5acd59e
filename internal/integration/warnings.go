package integration

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/hookgate/hookgate/internal/form"
	"github.com/hookgate/hookgate/internal/stray"
)

// Warning is something in an integration that is allowed and surely not meant.
type Warning struct {
	// Field is its path, as in a Fault.
	Field   string `json:"field"`
	Message string `json:"message"`
}

// shortSecret is how many bytes a secret has at least that is no warning: with
// fewer, who sees one signature finds it by trying.
const shortSecret = 8

// Warnings tells what is surely not meant, in the order of the form.
func (r Rules) Warnings(in *Integration) []Warning {
	var list []Warning
	warn := func(field, format string, args ...any) {
		list = append(list, Warning{field, fmt.Sprintf(format, args...)})
	}
	auth := &in.Authentication
	facts := r.facts(auth)
	auth.mapSecrets(func(field string, secret Secret) Secret {
		size, shared := len(secret.value), true
		if facts.KeySize != nil && strings.HasPrefix(field, "signature.") {
			size, shared = facts.KeySize(secret.value)
		}
		if shared && size < shortSecret {
			warn(credentials+"."+field, "so short a secret is found by trying: at least 16 random bytes are usual")
		}
		return secret
	})
	if auth.Basic != nil && stray.End(auth.Basic.Username) != "" {
		warn(credentials+".basic.username", "it %s", stray.End(auth.Basic.Username))
	}
	if token := auth.JWT; token != nil && token.Claims["email"] != nil && token.Claims["email_verified"] != true {
		warn(credentials+".jwt.claims", "anyone may claim an email address: ask for email_verified true beside it")
	}
	if len(in.EventFilter) > 0 && auth.Signature != nil && !facts.NamesEvents {
		warn("event_filter", "this sender names no events, so that none is wanted; match can look at the payload")
	}
	for i, entry := range in.EventFilter {
		if strings.ContainsFunc(entry, func(c rune) bool { return c < ' ' || c > '~' }) {
			warn(form.Item("event_filter", i), "the name of an event has only printable ASCII, so that this is none: %q", entry)
		}
	}
	if in.Dedupe == DedupeDelivery && !facts.NumbersDeliveries {
		told := "this sender numbers no deliveries"
		if auth.Signature == nil {
			told = "without a signature only the headers of a known sender number a delivery"
		}
		warn("dedupe", "%s, and without a number nothing is a duplicate: body compares payloads, none says that duplicates may run", told)
	}
	if len(in.Resources) == 0 {
		warn("resource", "there is none, so that nothing is started: events are answered %d, but for a site that is inline", http.StatusServiceUnavailable)
	}
	return list
}
