// Package httpcall makes one HTTP request to an operator's endpoint and
// classifies its outcome in terms of package trigger. Send is all that a trigger
// needs whose endpoint answers with a status alone; Do and Judge are its halves
// for one that reads answers.
//
// It uses a plain http.RoundTripper: redirects are never followed and no cookies
// are kept. Go's own repeats a request whose kept connection broke only if that
// is safe by its method or it has an Idempotency-Key.
package httpcall

import (
	"net/http"
	"time"

	"github.com/hookgate/hookgate/internal/fetch"
	"github.com/hookgate/hookgate/module/trigger"
)

// Failure is why there is no usable answer. It contains no text of the
// underlying error, because that includes the operator's address.
type Failure struct {
	// Code is one of trigger's Err codes.
	Code string

	// Sent is false only if the request certainly did not leave this machine.
	Sent bool

	// Fault is the resource's once the endpoint was reached: a failure after that
	// need not affect other resources.
	Fault trigger.Fault
}

// Result returns the failure as the end of an attempt that may be retried.
func (f *Failure) Result() trigger.Result {
	return trigger.Result{Verdict: trigger.Retry, Error: f.Code, Fault: f.Fault}
}

// DefaultTimeout covers one call to an endpoint unless the operator configures
// another time.
const DefaultTimeout = 30 * time.Second

// Do sends the request and passes the answer to read. The timeout covers all of
// it: connecting, sending, waiting, and reading. An error of read counts as a
// broken connection, unless the time is up.
func Do(transport http.RoundTripper, request *http.Request, timeout time.Duration, read func(*http.Response) error) *Failure {
	failed := fetch.Do(transport, request, timeout, read)
	if failed == nil {
		return nil
	}
	failure := &Failure{Code: failed.Code, Sent: failed.Sent}
	if failed.Connected {
		failure.Fault = trigger.FaultResource
	}
	return failure
}
