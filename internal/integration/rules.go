package integration

import (
	"net/http"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/hookgate/hookgate/internal/form"
	"github.com/hookgate/hookgate/internal/syntax"
	"github.com/hookgate/hookgate/module/provider"
)

// Rules is what a configuration allows an integration to be.
type Rules struct {
	// Provider returns what must be known of a provider, or false when there
	// is none of the name.
	Provider func(name string) (ProviderFacts, bool)

	// Providers and Issuers list the names that there are.
	Providers, Issuers func() []string

	// Custom does so for a provider that an integration describes itself, or
	// says what is wrong with the description. Without Custom none can.
	Custom func(d *provider.Description) (ProviderFacts, error)

	// Issuer returns what must be known of an issuer of tokens, or false when
	// the configuration has none of the name. Without it there is none.
	Issuer func(name string) (IssuerFacts, bool)

	// EventHeaders are those in which any provider names its event or delivery:
	// without a signature they do so too.
	EventHeaders []string

	// ResourceTypes lists those that a trigger serves. Without it there is none.
	ResourceTypes func() []string

	// Allow says whether one of them serves the resource and the project may use
	// it; the error names the reason for an admin to read. Without Allow none does.
	Allow func(project, resourceType, id string) error

	// AllowUnauthenticated permits integrations without any credential.
	AllowUnauthenticated bool
}

// IssuerFacts is what the rules need to know of an issuer.
type IssuerFacts struct {
	// SignsForAll says that everyone can have a token of it for any audience,
	// so that one must also say whose it is.
	SignsForAll bool
}

// ProviderFacts is what the rules need to know of a provider.
type ProviderFacts struct {
	// SHA256 says that it signs with SHA-256 or stronger.
	SHA256 bool

	// SHA256Optional says that it may sign with SHA-1 all the same.
	SHA256Optional bool

	// Timed says that it signs a time, so that how old that may be can be set.
	Timed bool

	// CredentialHeaders carry its signature or token.
	CredentialHeaders []string

	// ReservedHeaders carry its event and delivery ID.
	ReservedHeaders []string

	// NamesEvents says that it tells what an event is, and NumbersDeliveries that
	// its deliveries can have an ID.
	NamesEvents, NumbersDeliveries bool

	// Learns says that its sender brings a secret of its own, so that there need
	// not be one before.
	Learns bool

	// KeySize says how many bytes of a key a secret stands for, or false where it is
	// no shared key; nil takes each character for one.
	KeySize func(secret string) (int, bool)

	// CheckSecret says what is wrong with a secret, never showing it; nil
	// takes any.
	CheckSecret func(secret string) error
}

// requiresSHA256 says whether an integration requires SHA-256 or stronger, unless
// it says otherwise.
func (f ProviderFacts) requiresSHA256() bool { return f.SHA256 && !f.SHA256Optional }

// facts returns what is known of the integration's provider; a form whose
// provider is unknown has been refused before.
func (r Rules) facts(auth *Authentication) ProviderFacts {
	if auth.Signature == nil || r.Provider == nil {
		return ProviderFacts{ReservedHeaders: r.EventHeaders}
	}
	if d := auth.Signature.Description; d != nil {
		facts, _ := r.Custom(d)
		return facts
	}
	facts, _ := r.Provider(auth.Signature.Provider)
	return facts
}

// checkCredentials holds the ways in against each other.
func (r Rules) checkCredentials(f *form.Fields, auth *Authentication) {
	facts := r.facts(auth)
	ways := auth.configured()
	switch {
	case auth.AllowUnauthenticated && len(ways) > 0:
		f.Refuse("allow_unauthenticated", form.Conflict, "it cannot stand beside a credential: %s", strings.Join(ways, ", "))
	case auth.AllowUnauthenticated && !r.AllowUnauthenticated:
		f.Refuse("allow_unauthenticated", form.NotAllowed, "the operator has not set allow_unauthenticated")
	case !auth.AllowUnauthenticated && len(ways) == 0 && f.Sound("source_ips"):
		f.Refuse("", form.Required, "a credential is needed: secure_header, signature, basic, bearer, jwt, client_certificate or source_ips")
	}
	if auth.RequireSHA256Signature && !facts.SHA256 && f.Sound("signature") {
		f.Refuse("require_sha256_signature", form.Conflict, "a signature of SHA-256 or stronger is needed beside it")
	}
	if header := auth.SecureHeader; header != nil {
		checkHeader(f, "secure_header.name", header.Name, facts)
	}
	if token := auth.JWT; token != nil && token.Header != DefaultTokenHeader {
		checkHeader(f, "jwt.header", token.Header, facts)
	}
	checkHeadersDiffer(f, auth, facts)
}

// checkHeader refuses a header that the sender or a proxy writes for purposes
// of its own.
func checkHeader(f *form.Fields, field, name string, facts ProviderFacts) {
	lower := strings.ToLower(name)
	switch {
	case !f.Sound(field):
	case !httpguts.ValidHeaderFieldName(name) || len(name) > 256:
		f.Refuse(field, form.Invalid, "the name of an HTTP header is needed, of at most 256 characters")
	case lower == "host", lower == "user-agent", strings.HasPrefix(lower, "content-"):
		f.Refuse(field, form.NotAllowed, "this header has a meaning of its own in every request: %s", lower)
	case syntax.IsConnectionHeader(name), strings.HasPrefix(lower, "proxy-"):
		f.Refuse(field, form.NotAllowed, "this header belongs to one connection and does not pass a proxy: %s", lower)
	case containsHeader(facts.ReservedHeaders, name):
		f.Refuse(field, form.NotAllowed, "a provider names its event or delivery in this header: %s", http.CanonicalHeaderKey(name))
	}
}

// checkHeadersDiffer refuses two credentials on one header: no request could
// carry both.
func checkHeadersDiffer(f *form.Fields, auth *Authentication, facts ProviderFacts) {
	uses := auth.uses(facts.CredentialHeaders)
	for i, later := range uses {
		for _, earlier := range uses[:i] {
			if earlier.field != later.field && strings.EqualFold(earlier.header, later.header) && f.Legible(earlier.field) && f.Legible(later.field) {
				f.Refuse(earlier.field, form.Conflict, "this credential and %s are on the same header, %s",
					strings.TrimSuffix(strings.TrimSuffix(later.field, ".provider"), ".header"), http.CanonicalHeaderKey(later.header))
			}
		}
	}
}

func containsHeader(headers []string, name string) bool {
	return slices.ContainsFunc(headers, func(header string) bool { return strings.EqualFold(header, name) })
}
