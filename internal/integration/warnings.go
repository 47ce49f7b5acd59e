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
		warn("event_filter", "this sender's events have no names, so none is wanted; match can examine the payload")
	}
	for i, entry := range in.EventFilter {
		if strings.ContainsFunc(entry, func(c rune) bool { return c < ' ' || c > '~' }) {
			warn(form.Item("event_filter", i), "event names consist of printable ASCII, so no event has this name: %q", entry)
		}
	}
	if in.Dedupe == DedupeDelivery && !facts.NumbersDeliveries {
		told := "this sender's deliveries have no ID"
		if signature == nil {
			told = "without a signature only the headers of a known sender give a delivery an ID"
		}
		warn("dedupe", "%s, and without an ID nothing is a duplicate: body compares payloads, none allows duplicates to run", told)
	}
	if len(in.Resources) == 0 {
		warn("resource", "it is missing, so nothing is started: events are answered %d, except at an inline site", http.StatusServiceUnavailable)
	}
	return list
}
