// Package provider is what a third party needs to teach the gateway about
// another sender: how it signs, names its events and numbers its deliveries. A
// sender is described by plain data; the same engine serves the built-in
// senders, each of which is such a description too.
//
// A provider is a Caddy module in the namespace `webhooks.providers` that
// implements Provider; the last part of its ID is the provider's name. Without
// any code, the same description can be written as `signature custom { … }` in
// the Caddyfile, or in an integration's JSON.
package provider

import (
	"net/http"
	"time"
)

// Provider describes a sender.
type Provider interface {
	// Description returns the sender's scheme. The answer must never change.
	Description() Description
}

// Verifier verifies requests in code, for a scheme that cannot be described as
// data. It must be safe for concurrent use.
type Verifier interface {
	// Verify returns "" if one of the secrets that it was created with has signed
	// the request, and otherwise why the request is refused. It must compare in
	// constant time, never panic because of a request, and do no network or disk
	// work.
	Verify(r *Request) Reason
}

// Request is a webhook request as a scheme sees it. It must not be modified
// while it is verified.
type Request struct {
	// Method is the HTTP method, in upper case.
	Method string

	// URL is the address that the sender was told to send to, with its query, as
	// seen from outside.
	URL string

	// Header holds the fields under their canonical names.
	Header http.Header

	// Body is the raw body, before anything is decoded.
	Body []byte

	// Now is the time that the signing time is compared with.
	Now time.Time

	// Tolerance is the maximum age, in seconds: the scheme's own, or the
	// integration's. It is 0 if the description has no time.
	Tolerance int
}

// Reason is a one-word reason why a credential is not accepted. It is for logs
// and metrics; a sender never sees it.
type Reason string

// The reasons. The empty one means success.
const (
	Missing   Reason = "missing"   // the request carries none
	Duplicate Reason = "duplicate" // one of its headers is repeated
	Malformed Reason = "malformed" // it is not well-formed
	Stale     Reason = "stale"     // it was signed too long ago, or in the future
	Weak      Reason = "weak"      // SHA-256 is required, and this is weaker
	Mismatch  Reason = "mismatch"  // no secret verifies it

	// Unavailable means that what is needed to verify it cannot be fetched now.
	// The sender is asked to try again.
	Unavailable Reason = "unavailable"
)
