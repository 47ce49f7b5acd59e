// Package httpcall makes one HTTP request to an operator's endpoint and
// classifies its outcome in terms of package trigger. Send is all that a trigger
// needs whose endpoint answers with a status alone; Do and Judge are its halves
// for one that reads answers.
//
// It uses a plain http.RoundTripper: redirects are never followed, no cookies
// are kept, and a failed request is not repeated.
package httpcall

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"

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
	ctx, cancel := context.WithTimeout(request.Context(), timeout)
	defer cancel()
	if ctx.Err() != nil {
		return &Failure{Code: trigger.ErrTimeout}
	}
	var seen phases
	request = request.WithContext(httptrace.WithClientTrace(ctx, seen.trace()))

	response, err := transport.RoundTrip(request)
	if err != nil {
		return &Failure{Code: seen.code(ctx, err), Sent: seen.sent(), Fault: seen.fault()}
	}
	defer response.Body.Close()
	if err := read(response); err != nil {
		return &Failure{Code: seen.code(ctx, err), Sent: true, Fault: trigger.FaultResource}
	}
	return nil
}

// phases records how far a request got.
type phases struct {
	asked, unresolved, connected, handshakeFailed atomic.Bool
}

func (p *phases) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GetConn: func(string) { p.asked.Store(true) },
		DNSDone: func(info httptrace.DNSDoneInfo) { p.unresolved.Store(info.Err != nil) },
		GotConn: func(httptrace.GotConnInfo) { p.connected.Store(true) },
		TLSHandshakeDone: func(_ tls.ConnectionState, err error) {
			p.handshakeFailed.Store(err != nil)
		},
	}
}

// sent reports whether the request may have left. A transport that asked for a
// connection and never got one has sent nothing; one that does not report its
// connections may have sent anything.
func (p *phases) sent() bool {
	return !p.asked.Load() || p.connected.Load()
}

func (p *phases) fault() trigger.Fault {
	if p.connected.Load() {
		return trigger.FaultResource
	}
	return trigger.FaultUnsaid
}

// code returns the error code. What the trace saw takes precedence, because a
// transport may hide its dialer's error, as Caddy's does.
func (p *phases) code(ctx context.Context, err error) string {
	var (
		dns         *net.DNSError
		record      tls.RecordHeaderError
		certificate *tls.CertificateVerificationError
		authority   x509.UnknownAuthorityError
		hostname    x509.HostnameError
		network     net.Error
	)
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return trigger.ErrTimeout
	case p.unresolved.Load() && !p.connected.Load(), errors.As(err, &dns):
		return trigger.ErrDNS
	case p.handshakeFailed.Load() && !p.connected.Load(),
		errors.As(err, &record), errors.As(err, &certificate),
		errors.As(err, &authority), errors.As(err, &hostname):
		return trigger.ErrTLS
	case errors.As(err, &network) && network.Timeout():
		return trigger.ErrTimeout
	}
	return trigger.ErrConnect
}
