// Package remotekey fetches and caches what others publish so that their
// signatures can be verified. It balances two concerns: a sender of forged
// requests must not be able to make the gateway fetch much, and the publisher
// of keys may be unreachable for a while.
package remotekey

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/hookgate/hookgate/internal/fetch"
)

// The limits of one fetch.
const (
	timeout = 5 * time.Second
	maxSize = 256 << 10 // bytes of an answer
)

// UnknownAge is the age of an answer that does not say how long it may be
// cached.
const UnknownAge time.Duration = -1

// Client fetches documents over HTTPS, through the proxy of the environment if
// there is one. It follows no redirects and keeps no connections.
type Client struct {
	transport http.RoundTripper
}

// NewClient returns a client that uses a transport, or for nil one that trusts
// the system's certificate authorities.
func NewClient(transport http.RoundTripper) *Client {
	if transport != nil {
		return &Client{transport}
	}
	return &Client{&http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		ForceAttemptHTTP2:      true,
		DisableKeepAlives:      true,
		MaxResponseHeaderBytes: 64 << 10,
	}}
}

// The codes of what is answered and cannot be used, besides those of package fetch.
const (
	codeStatus   = "status"           // an HTTP status that does not mean success
	codeRedirect = "redirect"         // a 3xx, which is never followed
	codeTooLarge = "answer_too_large" // the answer exceeds its limit
	codeInvalid  = "answer_invalid"   // the answer cannot be understood
)

// Failure is why nothing could be fetched. Its code is one of FailureCodes; it names
// no address.
type Failure struct {
	Code string
}

func (f *Failure) Error() string { return "fetching keys: " + f.Code }

// Get returns the document at an address, of at most 256 KiB, and for how long
// its headers allow caching it. Any answer other than 200 is a Failure.
func (c *Client) Get(ctx context.Context, address string) (body []byte, age time.Duration, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil || request.URL.Scheme != "https" || request.URL.User != nil {
		return nil, 0, &Failure{codeInvalid}
	}
	request.Header.Set("User-Agent", "Hookgate")
	var wrong string
	failure := fetch.Do(c.transport, request, timeout, func(response *http.Response) (broken error) {
		if wrong = judge(response.StatusCode); wrong != "" {
			return nil
		}
		age = lifetime(response.Header)
		body, broken = io.ReadAll(io.LimitReader(response.Body, maxSize+1))
		if len(body) > maxSize {
			wrong = codeTooLarge
		}
		return broken
	})
	if failure != nil {
		return nil, 0, &Failure{failure.Code}
	}
	if wrong != "" {
		return nil, 0, &Failure{wrong}
	}
	return body, age, nil
}

// judge returns the failure code of a status.
func judge(status int) string {
	switch {
	case status == http.StatusOK:
		return ""
	case status >= 300 && status < 400:
		return codeRedirect
	}
	return codeStatus
}

// Invalid is the failure to interpret what was fetched.
func Invalid() error { return &Failure{codeInvalid} }

// FailureCodes returns the codes that a Failure may have.
func FailureCodes() []string {
	return []string{fetch.Timeout, fetch.DNS, fetch.Connect, fetch.TLS, codeStatus, codeRedirect, codeTooLarge, codeInvalid}
}

// codeOf returns the code of a failed fetch.
func codeOf(err error) string {
	var failure *Failure
	if errors.As(err, &failure) {
		return failure.Code
	}
	return codeInvalid
}

// lifetime returns how long the headers allow caching an answer (RFC 9111,
// section 4.2), or UnknownAge.
func lifetime(header http.Header) time.Duration {
	for _, line := range header.Values("Cache-Control") {
		for directive := range strings.SplitSeq(line, ",") {
			name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
			switch strings.ToLower(name) {
			case "no-store", "no-cache":
				return 0
			case "max-age":
				seconds, err := strconv.ParseUint(strings.Trim(value, `"`), 10, 31)
				if err != nil {
					return UnknownAge
				}
				passed, _ := strconv.ParseUint(header.Get("Age"), 10, 31) // 0 without one
				return time.Duration(seconds-min(passed, seconds)) * time.Second
			}
		}
	}
	return UnknownAge
}

// ErrUnavailable means that a value cannot be fetched now, although it may
// exist.
var ErrUnavailable = errors.New("the keys cannot be fetched now")
