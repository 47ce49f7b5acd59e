// Package fetch makes one HTTP request within a bounded time, and tells in one word why
// it failed. It uses a plain http.RoundTripper: redirects are never followed, no
// cookies are kept, and a failed request is not repeated.
package fetch

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
)

// The codes of a Failure.
const (
	Timeout = "timeout" // no answer in time
	DNS     = "dns"     // the host's name did not resolve
	Connect = "connect" // no connection, or it broke
	TLS     = "tls"     // the TLS handshake failed
)

// Failure is why there is no usable answer. It contains no text of the underlying
// error, because that includes the address.
type Failure struct {
	// Code is one of the codes above.
	Code string

	// Sent is false only if the request certainly did not leave this machine.
	Sent bool

	// Connected is true if the host was reached.
	Connected bool
}

// Do sends the request and passes the answer to read. The timeout covers all of
// it: connecting, sending, waiting, and reading. An error of read counts as a
// broken connection, unless the time is up.
func Do(transport http.RoundTripper, request *http.Request, timeout time.Duration, read func(*http.Response) error) *Failure {
	ctx, cancel := context.WithTimeout(request.Context(), timeout)
	defer cancel()
	if ctx.Err() != nil {
		return &Failure{Code: Timeout}
	}
	var seen phases
	request = request.WithContext(httptrace.WithClientTrace(ctx, seen.trace()))

	response, err := transport.RoundTrip(request)
	if err != nil {
		return &Failure{Code: seen.code(ctx, err), Sent: seen.sent(), Connected: seen.connected.Load()}
	}
	defer response.Body.Close()
	if err := read(response); err != nil {
		return &Failure{Code: seen.code(ctx, err), Sent: true, Connected: true}
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
		return Timeout
	case p.unresolved.Load() && !p.connected.Load(), errors.As(err, &dns):
		return DNS
	case p.handshakeFailed.Load() && !p.connected.Load(),
		errors.As(err, &record), errors.As(err, &certificate),
		errors.As(err, &authority), errors.As(err, &hostname):
		return TLS
	case errors.As(err, &network) && network.Timeout():
		return Timeout
	}
	return Connect
}
