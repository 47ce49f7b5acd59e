package credential

import (
	"net/http"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/hookgate/hookgate/internal/form"
	"github.com/hookgate/hookgate/internal/syntax"
)

// checkHeader refuses a header that the sender or a proxy writes for purposes
// of its own.
func checkHeader(f *form.Fields, field, name string, facts ProviderFacts) {
	lower := strings.ToLower(name)
	switch {
	case !f.Sound(field):
	case !httpguts.ValidHeaderFieldName(name) || len(name) > 256:
		f.Refuse(field, form.Invalid, "must be the name of an HTTP header, of at most 256 characters")
	case lower == "host", lower == "user-agent", strings.HasPrefix(lower, "content-"):
		f.Refuse(field, form.NotAllowed, "this header has its own meaning in every request: %s", lower)
	case syntax.IsConnectionHeader(name), strings.HasPrefix(lower, "proxy-"):
		f.Refuse(field, form.NotAllowed, "this header belongs to a single connection and is removed by proxies: %s", lower)
	case containsHeader(facts.ReservedHeaders, name):
		f.Refuse(field, form.NotAllowed, "a provider uses this header for its event or delivery: %s", http.CanonicalHeaderKey(name))
	}
}

// checkHeadersDiffer refuses two credentials on one header: no request could
// carry both.
func (s Set) checkHeadersDiffer(f *form.Fields, facts ProviderFacts) {
	type carried struct{ kind, field, header string }
	var seen []carried
	for _, c := range s {
		before := len(seen)
		for _, u := range c.uses(facts.CredentialHeaders) {
			field := c.Kind()
			if u.field != "" {
				field += "." + u.field
			}
			later := carried{c.Kind(), field, u.header}
			for _, earlier := range seen[:before] {
				if strings.EqualFold(earlier.header, later.header) && f.Legible(earlier.field) && f.Legible(later.field) {
					f.Refuse(earlier.field, form.Conflict, "this credential and %s are on the same header, %s", later.kind, http.CanonicalHeaderKey(later.header))
				}
			}
			seen = append(seen, later)
		}
	}
}

func containsHeader(headers []string, name string) bool {
	return slices.ContainsFunc(headers, func(header string) bool { return strings.EqualFold(header, name) })
}
