package integration

import (
	"slices"
	"strings"

	"github.com/hookgate/hookgate/internal/credential"
	"github.com/hookgate/hookgate/internal/form"
	"github.com/hookgate/hookgate/module/provider"
)

// Rules is what a configuration allows an integration to be.
type Rules struct {
	// Provider returns what must be known of a provider, or false for an unknown
	// name.
	Provider func(name string) (credential.ProviderFacts, bool)

	// Providers and Issuers list the known names.
	Providers, Issuers func() []string

	// Custom does so for a provider that an integration describes itself, or tells
	// what is wrong with the description. Without Custom none can.
	Custom func(d *provider.Description) (credential.ProviderFacts, error)

	// Issuer returns what must be known of an issuer of tokens, or false for an
	// unknown name. Without Issuer every name is unknown.
	Issuer func(name string) (credential.IssuerFacts, bool)

	// EventHeaders are those in which any provider names its event or delivery:
	// without a signature they do so too.
	EventHeaders []string

	// ResourceTypes lists those that a trigger serves. Without it none is served.
	ResourceTypes func() []string

	// Allow fails, with the reason for an admin to read, unless a trigger serves the
	// resource and the project may use it. Without Allow none may.
	Allow func(project, resourceType, id string) error

	// AllowUnauthenticated permits integrations without any credential.
	AllowUnauthenticated bool
}

// credentials are the rules for credentials.
func (r Rules) credentials() credential.Rules {
	return credential.Rules{
		Provider: r.Provider, Custom: r.Custom, Issuer: r.Issuer,
		Providers: r.Providers, Issuers: r.Issuers, EventHeaders: r.EventHeaders,
	}
}

// facts returns what is known of the integration's sender.
func (r Rules) facts(auth *Authentication) credential.ProviderFacts {
	return r.credentials().Facts(auth.Credentials)
}

// checkCredentials finds what is wrong with the ways in beside each other.
func (r Rules) checkCredentials(f *form.Fields, auth *Authentication, facts credential.ProviderFacts) {
	ways := auth.Credentials.Kinds()
	switch {
	case auth.AllowUnauthenticated && len(ways) > 0:
		f.Refuse("allow_unauthenticated", form.Conflict, "it cannot be combined with a credential: %s", strings.Join(ways, ", "))
	case auth.AllowUnauthenticated && !r.AllowUnauthenticated:
		f.Refuse("allow_unauthenticated", form.NotAllowed, "the operator has not set allow_unauthenticated")
	case !auth.AllowUnauthenticated && len(ways) == 0 && !slices.ContainsFunc(credential.Kinds(), f.HasFault):
		kinds := credential.Kinds()
		last := len(kinds) - 1
		f.Refuse("", form.Required, "a credential is required: %s or %s", strings.Join(kinds[:last], ", "), kinds[last])
	}
	if auth.RequireSHA256Signature && !facts.SHA256 && f.Sound("signature") {
		f.Refuse("require_sha256_signature", form.Conflict, "it requires a signature with SHA-256 or stronger")
	}
	auth.Credentials.Check(f, facts)
}
