// Package integration is the model of one configured webhook: who may call
// it, which events count, what it triggers; how it is checked, masked and
// changed.
package integration

import (
	"strconv"
	"time"

	"github.com/hookgate/hookgate/internal/credential"
	"github.com/hookgate/hookgate/internal/payload"
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
	// Match is an expression that says which of them are; "" when all are.
	Match  string
	Dedupe Dedupe
	// Resources are what an event is for, each on its own; an integration that is only used
	// inline has none.
	Resources []Resource
	// Payload is what the trigger receives; nil for the payload as it came.
	Payload   *payload.Spec
	ManagedBy ManagedBy
	CreatedAt time.Time
	UpdatedAt time.Time

	// Handshake is nil unless an admin has allowed the sender to bring a secret.
	Handshake *Handshake

	// Revision is that of the stored record; it grows by each write.
	Revision uint64
	// Unused is set when no request was accepted under the webhook ID yet, as far as
	// was known when this was read: see Service.Use.
	Unused bool
}

// ETag is the entity tag (RFC 9110) of the integration as it stands.
func (in *Integration) ETag() string { return `"` + strconv.FormatUint(in.Revision, 36) + `"` }

// SignatureProvider is the provider's name, "" without a signature.
func (in *Integration) SignatureProvider() string {
	signature := in.Authentication.Credentials.Signature()
	if signature == nil {
		return ""
	}
	return signature.Provider
}

// Authentication is the ways in.
type Authentication struct {
	Credentials credential.Set

	// RequireSHA256Signature makes a valid signature of SHA-256 or stronger
	// mandatory.
	RequireSHA256Signature bool
	Match                  Match
	AllowUnauthenticated   bool
}

// Resource is what the trigger acts on.
type Resource = storage.Resource

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
