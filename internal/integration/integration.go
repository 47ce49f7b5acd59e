// Package integration is the model of one configured webhook: who may call
// it, which events count, what it triggers; how it is checked, masked and
// changed.
package integration

import (
	"time"

	"github.com/hookgate/hookgate/module/storage"
)

// Integration is one configured webhook, complete and valid. One that was
// published is never changed: a change makes another.
type Integration struct {
	// Identity is random and internal; events belong to it.
	Identity storage.Identity

	WebhookID      string
	Project        string
	Alias          string
	IsEnabled      bool
	Authentication Authentication
	// EventFilter is empty when every event is wanted.
	EventFilter []string
	Dedupe      Dedupe
	// Resource is nil for an integration that is only used inline.
	Resource  *Resource
	ManagedBy ManagedBy
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Authentication is the ways in. A nil credential is not configured.
type Authentication struct {
	SecureHeader *SecureHeader
	Signature    *Signature
	Basic        *Basic
	Bearer       *Bearer
	// RequireSHA256Signature makes a valid signature of SHA-256 or stronger
	// mandatory.
	RequireSHA256Signature bool
	Match                  Match
	AllowUnauthenticated   bool
}

// SecureHeader is a header with a fixed, secret value.
type SecureHeader struct {
	Name  string
	Value Secret
}

// Signature is a provider's scheme with the secrets that verify: any of them.
type Signature struct {
	Provider string
	Secrets  []Secret
}

// Basic is HTTP basic authentication (RFC 7617).
type Basic struct {
	Username string
	Password Secret
}

// Bearer is a bearer token (RFC 6750): any of them.
type Bearer struct {
	Tokens []Secret
}

// Resource is what the trigger acts on.
type Resource struct {
	Type string
	ID   string
}

// Match says how many of the configured credentials must be valid.
type Match string

// The two ways to match.
const (
	MatchAny Match = "any"
	MatchAll Match = "all"
)

// Dedupe says what makes a request a copy of an earlier one.
type Dedupe string

// The three ways to find duplicates.
const (
	DedupeDelivery Dedupe = "delivery" // the same delivery ID with the same body
	DedupeBody     Dedupe = "body"     // the same body under any ID
	DedupeNone     Dedupe = "none"     // never
)

// ManagedBy says who may change an integration.
type ManagedBy string

// The two managers.
const (
	ManagedByAPI    ManagedBy = "api"
	ManagedByConfig ManagedBy = "config"
)

// Secret is a secret value that formatted output never shows.
type Secret struct {
	value string
	// salt is drawn when the secret is set; its fingerprint depends on it.
	salt []byte
}

// Reveal returns the secret's text, for a comparison or a MAC.
func (s Secret) Reveal() string { return s.value }

// String hides the secret.
func (Secret) String() string { return mask }

// GoString hides the secret from %#v.
func (Secret) GoString() string { return mask }

// MarshalText hides the secret from encoders.
func (Secret) MarshalText() ([]byte, error) { return []byte(mask), nil }

// mask stands for a secret; in an answer a fingerprint follows it.
const mask = "********"
