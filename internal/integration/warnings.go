package integration

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/hookgate/hookgate/internal/form"
)

// Warning is something in an integration that is allowed and surely not meant.
type Warning struct {
	// Field is its path, as in a Fault.
	Field   string `json:"field"`
	Message string `json:"message"`
}

// Warnings tells what is surely not meant, in the order of the form.
func (r Rules) Warnings(in *Integration) []Warning {
	var list []Warning
	warn := func(field, format string, args ...any) {
		list = append(list, Warning{field, fmt.Sprintf(format, args...)})
	}
	auth := &in.Authentication
	facts, signature := r.facts(auth), auth.Credentials.Signature()
	auth.Credentials.Warnings(facts, func(field, format string, args ...any) {
		warn(credentials+"."+field, format, args...)
	})
	if len(in.EventFilter) > 0 && signature != nil && !facts.NamesEvents {
		warn("event_filter", "this sender names no events, so that none is wanted; match can look at the payload")
	}
	for i, entry := range in.EventFilter {
		if strings.ContainsFunc(entry, func(c rune) bool { return c < ' ' || c > '~' }) {
			warn(form.Item("event_filter", i), "the name of an event has only printable ASCII, so that this is none: %q", entry)
		}
	}
	if in.Dedupe == DedupeDelivery && !facts.NumbersDeliveries {
		told := "this sender numbers no deliveries"
		if signature == nil {
			told = "without a signature only the headers of a known sender number a delivery"
		}
		warn("dedupe", "%s, and without a number nothing is a duplicate: body compares payloads, none says that duplicates may run", told)
	}
	if len(in.Resources) == 0 {
		warn("resource", "there is none, so that nothing is started: events are answered %d, but for a site that is inline", http.StatusServiceUnavailable)
	}
	return list
}
