// Package trigger is what a third party implements to start something when an
// event arrives. It has plain types only, so that an implementation needs
// nothing of the gateway but this package.
//
// A trigger is a Caddy module in the namespace `webhooks.triggers`. The packages
// below have what most need: triggerconfig for its configuration, placeholder and
// httpcall for a request, triggertest for its tests. docs/example-trigger is a
// whole one, and http and codemie are ours.
package trigger

import (
	"context"
	"encoding/json"
	"net/http"
	"time"
)

// Trigger runs what an event starts. Its methods are called from many
// goroutines at once.
type Trigger interface {
	// ResourceTypes names the resource types that the trigger serves. The
	// answer never changes.
	ResourceTypes() []string

	// Allow reports whether an integration of the project may start the
	// resource; the error names the reason for an admin to read. It is asked
	// when an integration is saved and again before each attempt, and does no
	// network or disk work.
	Allow(project string, resource Resource) error

	// Run makes one attempt. It returns when the attempt has ended or ctx is
	// done, and never panics on account of what an endpoint answers. ctx always
	// has a deadline; see TimeLimited.
	Run(ctx context.Context, attempt *Attempt) Result
}

// Limited may be implemented by a Trigger.
type Limited interface {
	// ConcurrencyLimit is how many attempts may be in flight at once, including
	// those that hang. With 0 the gateway's own limit applies. The answer must
	// never change.
	ConcurrencyLimit() int
}

// DefaultAttemptTimeout is how long Run may take for a trigger that sets no other
// time.
const DefaultAttemptTimeout = time.Minute

// TimeLimited may be implemented by a Trigger.
type TimeLimited interface {
	// AttemptTimeout is how long Run may take before its ctx is done: its
	// deadline. With 0 that is DefaultAttemptTimeout. The answer never changes.
	// A trigger that has to wait for longer than some minutes returns Pending
	// instead.
	AttemptTimeout() time.Duration
}

// Resource is what a trigger acts on.
type Resource struct {
	Type string
	ID   string
}

// Event is an accepted webhook request, as the trigger sees it. It is shared
// and must not be changed.
type Event struct {
	// ID sorts by the time of acceptance.
	ID string

	// WebhookID, Project and Alias are the integration's.
	WebhookID string
	Project   string
	Alias     string

	// Provider is the sender's scheme, "" without a signature.
	Provider string

	// Type is the sender's event type, such as pull_request or "Push Hook";
	// "" when it has none.
	Type string

	// DeliveryID is the sender's own number for the request, or "".
	DeliveryID string

	// Resource was copied from the integration at acceptance.
	Resource Resource

	ReceivedAt time.Time

	// Header holds the allow-listed headers of the request: content type,
	// user agent, the sender's event and delivery headers, traceparent. Never
	// a credential.
	Header http.Header

	// Body is the payload, byte for byte as it was sent (for GitHub's form
	// encoding the JSON inside it), unless the integration shapes what the trigger
	// receives: the content type in Header is then that of this Body.
	Body []byte
}

// Attempt is one try to run the trigger for one event.
type Attempt struct {
	Event *Event

	// Number counts from 1, and continues after a requeue.
	Number int

	// IdempotencyKey is the same for all attempts of an event until a person
	// or a sender queues it again: the event ID, then `<event id>.2` and on.
	IdempotencyKey string

	// Age is how long before this attempt the event was accepted or last queued
	// again. Jumps of the wall clock do not count.
	Age time.Duration

	// Progress is what an earlier Save of this event stored; nil at first. A
	// requeue clears it, the end of the event does not. If it is a JSON object
	// with a member `run` of the form of Run, the admin API shows that with
	// the event.
	Progress []byte

	// Save stores progress, of at most 64 KiB, with the event. Once it returns nil,
	// the progress survives a power cut.
	Save func(ctx context.Context, progress []byte) error
}

// Run is what is known of the run that an event has started or waits for.
type Run struct {
	// Kind is what runs, such as "task" or "execution".
	Kind string `json:"kind,omitempty"`

	// ID is the endpoint's own, "" as long as it is not known.
	ID string `json:"id,omitempty"`

	// State is the endpoint's own term for the run's state, or says that it waits
	// to be started.
	State string `json:"state,omitempty"`

	// Until is when a run that goes on is given up.
	Until time.Time `json:"until,omitzero"`

	// Usage is what the endpoint counted for the run, or nil if it reported
	// nothing.
	Usage *Usage `json:"usage,omitempty"`
}

// RunOf returns what Progress tells of a run, or nil.
func RunOf(progress []byte) *Run {
	var told struct {
		Run *Run `json:"run"`
	}
	if len(progress) == 0 || json.Unmarshal(progress, &told) != nil {
		return nil
	}
	return told.Run
}

// Usage is what a run has used.
type Usage struct {
	InputTokens  int64 `json:"input_tokens"`
	OutputTokens int64 `json:"output_tokens"`

	// Cost is money, in the endpoint's currency.
	Cost float64 `json:"cost"`
}

// Verdict determines what happens to the event.
type Verdict int

const (
	// Retry tries again later, according to the retry policy. It is the zero
	// value: a Result that was not filled in loses nothing.
	Retry Verdict = iota

	// Delivered ends the event with success.
	Delivered

	// Fail ends the event for good: to try again would not help.
	Fail

	// RefusedCredential tries again later and opens a circuit at once, for what
	// comes next would be refused too: that of the Result's Fault.
	RefusedCredential

	// Pending means that the run was started and goes on: Run is called again
	// after RetryAfter with the saved progress. It does not count as an attempt.
	Pending
)

// Fault is what a failed attempt found at fault. Its circuit stops the events
// that would meet the same fault, and no others.
type Fault int

const (
	// FaultUnsaid leaves it to the StatusCode and the Error. With a status of 401
	// or 407, or RefusedCredential without a status, the project is at fault;
	// with ErrDNS, ErrConnect or ErrTLS and no status, the endpoint; else the
	// resource.
	FaultUnsaid Fault = iota

	// FaultResource is the fault of this resource alone, as with a status of 403;
	// the endpoint was reached.
	FaultResource

	// FaultProject is the fault of everything that the project may start: its
	// credential. The endpoint was reached.
	FaultProject

	// FaultEndpoint is the fault of the endpoint, which was not reached.
	FaultEndpoint
)

// Result is how an attempt ended.
type Result struct {
	Verdict Verdict

	// StatusCode is the endpoint's HTTP status, 0 when there was none.
	StatusCode int

	// Error is one of the Err codes or of the trigger's own, "" on success. With
	// Retry after the deadline, "" counts as ErrTimeout.
	Error string

	// Detail may add at most 200 characters for the admin to read. It holds
	// no address and no secret of the operator's.
	Detail string

	// RetryAfter is the least time to wait before the next attempt, 0 when
	// the endpoint named none.
	RetryAfter time.Duration

	// Fault tells which circuit a failure counts for, where StatusCode and Error
	// would mislead. It is ignored on success.
	Fault Fault
}

// The codes of a failed attempt.
const (
	ErrTimeout            = "timeout"              // no answer in time
	ErrDNS                = "dns"                  // the endpoint's name did not resolve
	ErrConnect            = "connect"              // no connection, or it broke
	ErrTLS                = "tls"                  // the TLS handshake failed
	ErrStatus             = "status"               // an HTTP status that is not a success
	ErrRedirect           = "redirect"             // a 3xx, which is never followed
	ErrAnswerTooLarge     = "answer_too_large"     // the answer exceeds its limit
	ErrAnswerInvalid      = "answer_invalid"       // the answer cannot be understood
	ErrStartUnknown       = "start_unknown"        // a start was sent, its fate is unknown
	ErrRunFailed          = "run_failed"           // the platform ran it and it failed
	ErrRunTimeout         = "run_timeout"          // the run did not end in time
	ErrResourceNotFound   = "resource_not_found"   // the resource does not exist
	ErrResourceNotAllowed = "resource_not_allowed" // the project may not start the resource
	ErrResourceInvalid    = "resource_invalid"     // the resource cannot be started this way
	ErrRequestInvalid     = "request_invalid"      // the request cannot be built from the event
	ErrQuarantined        = "quarantined"          // the process crashed during three attempts
	ErrCorrupt            = "corrupt"              // the stored event was found damaged
	ErrExpired            = "expired"              // the retry time or the attempts are used up
	ErrInternal           = "internal"             // a defect in the trigger
)

// ErrorCodes returns the codes of a failed attempt. A trigger may have others, of
// at most 64 characters: the event's attempts show them, and metrics count them
// as `other`.
func ErrorCodes() []string {
	return []string{
		ErrTimeout, ErrDNS, ErrConnect, ErrTLS, ErrStatus, ErrRedirect, ErrAnswerTooLarge, ErrAnswerInvalid,
		ErrStartUnknown, ErrRunFailed, ErrRunTimeout, ErrResourceNotFound, ErrResourceNotAllowed, ErrResourceInvalid,
		ErrRequestInvalid, ErrQuarantined, ErrCorrupt, ErrExpired, ErrInternal,
	}
}
