// Package provider is what a third party needs to teach the gateway another
// sender: how it signs, names its events and numbers its deliveries. A sender
// is described by plain data; the engine behind it is the one that serves the
// senders that are built in, and each of those is such a description too.
//
// A provider is a Caddy module in the namespace `webhooks.providers` that
// implements Provider; the last part of its ID is the provider's name. Who has no code to add writes the same description as
// `signature custom { … }` in the Caddyfile, or into an integration's JSON.
package provider

import (
	"net/http"
	"time"
)

// Provider describes a sender.
type Provider interface {
	// Description returns the sender's scheme. The answer never changes.
	Description() Description
}

// Verifier checks requests by code, for a scheme that no description can say.
// Its methods are called from many goroutines at once.
type Verifier interface {
	// Verify returns "" when one of the secrets it was made with has signed
	// the request, and otherwise why the request is refused. It compares in
	// constant time, never panics on account of a request, and does no
	// network or disk work.
	Verify(r *Request) Reason
}

// Request is a webhook request as a scheme sees it. It must not be changed
// while it is verified.
type Request struct {
	// Method is the HTTP method, in upper case.
	Method string

	// URL is the address to which the sender was told to send, with its
	// query, as it is seen from outside.
	URL string

	// Header holds the fields under their canonical names.
	Header http.Header

	// Body is the raw body, before anything is decoded.
	Body []byte

	// Now is the time against which the time of signing is judged.
	Now time.Time

	// Tolerance is how old that may be, in seconds: the scheme's own, or what the
	// integration says instead. It is 0 where the description has no time.
	Tolerance int
}

// Reason says in one word why a credential does not count. It is for logs and
// metrics; a sender is never told.
type Reason string

// The reasons. The empty one means that nothing is wrong.
const (
	Missing   Reason = "missing"   // the request carries none
	Duplicate Reason = "duplicate" // a header of it occurs twice
	Malformed Reason = "malformed" // it is not written as the scheme says
	Stale     Reason = "stale"     // it was signed too long ago, or in the future
	Weak      Reason = "weak"      // SHA-256 is required, and this is not
	Mismatch  Reason = "mismatch"  // no secret verifies it

	// Unavailable means that what would verify it cannot be had now. The
	// sender is asked to come again.
	Unavailable Reason = "unavailable"
)
