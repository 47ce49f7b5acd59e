// Package endpoint sends an event to an operator's HTTP endpoint: one POST is
// one attempt.
package endpoint

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/hookgate/hookgate/module/trigger"
	"github.com/hookgate/hookgate/module/trigger/httpcall"
	"github.com/hookgate/hookgate/module/trigger/placeholder"
)

// Options configure an Endpoint.
type Options struct {
	// ResourceType is what the endpoint serves.
	ResourceType string

	// URL is where events go. {webhook.*} placeholders may stand in its path
	// and its query.
	URL string

	// Headers are set on each request, over the sender's own. Their values may
	// hold {webhook.*} placeholders.
	Headers map[string][]string

	// Body is a template; each placeholder in it is escaped for a JSON string.
	// Default: the payload as it came.
	Body string

	// Timeout covers a whole attempt. Default: 30 s.
	Timeout time.Duration

	// SigningSecret signs each request by Standard Webhooks. Text that begins
	// with `whsec_` is followed by the key in base64, other text is the key
	// itself. Default: no signature.
	SigningSecret string

	// Tokens are sent as bearer tokens for the events of a project.
	Tokens map[string]string

	// Transport makes the connections.
	Transport http.RoundTripper

	// Expand resolves the operator's own placeholders in URL, headers and
	// body. Default: there are none.
	Expand placeholder.Expand
}

// Endpoint sends events to one URL.
type Endpoint struct {
	resourceTypes []string
	url           *placeholder.URL
	headers       placeholder.Header
	body          *placeholder.JSON // nil for the payload
	timeout       time.Duration
	signer        *signer // nil without a secret
	tokens        map[string]string
	transport     http.RoundTripper
}

// New checks the options and prepares the templates.
func New(options Options) (*Endpoint, error) {
	if options.ResourceType == "" {
		return nil, errors.New("the resource type is missing")
	}
	if options.Timeout < 0 {
		return nil, errors.New("the timeout is negative")
	}
	if options.Timeout == 0 {
		options.Timeout = httpcall.DefaultTimeout
	}
	e := &Endpoint{
		resourceTypes: []string{options.ResourceType},
		timeout:       options.Timeout,
		tokens:        options.Tokens,
		transport:     options.Transport,
	}
	var err error
	if e.url, err = placeholder.ParseURL(options.URL, options.Expand); err != nil {
		return nil, err
	}
	if e.headers, err = parseHeaders(options.Headers, options.Expand); err != nil {
		return nil, err
	}
	if options.Body != "" {
		if e.body, err = placeholder.ParseJSON(options.Body, options.Expand); err != nil {
			return nil, fmt.Errorf("reading the body template: %w", err)
		}
	}
	if options.SigningSecret != "" {
		if e.signer, err = newSigner(options.SigningSecret); err != nil {
			return nil, err
		}
	}
	return e, nil
}

// Secure reports whether the URL begins with https.
func (e *Endpoint) Secure() bool { return e.url.Secure() }

// ResourceTypes names the one type that the endpoint serves.
func (e *Endpoint) ResourceTypes() []string { return e.resourceTypes }

// Run sends the event once.
func (e *Endpoint) Run(ctx context.Context, attempt *trigger.Attempt) trigger.Result {
	request, err := e.request(ctx, attempt)
	if err != nil {
		return trigger.Result{Verdict: trigger.Fail, Error: trigger.ErrRequestInvalid, Detail: err.Error()}
	}
	return httpcall.Send(e.transport, request, e.timeout)
}

// request builds the request for an attempt. Its errors are for an admin to
// read and name no address.
func (e *Endpoint) request(ctx context.Context, attempt *trigger.Attempt) (*http.Request, error) {
	event := attempt.Event
	address, err := e.url.For(event)
	if err != nil {
		return nil, err
	}
	body := event.Body
	if e.body != nil {
		if body, err = e.body.For(event); err != nil {
			return nil, err
		}
	}
	request := (&http.Request{
		Method:        http.MethodPost,
		URL:           address,
		Host:          address.Host,
		Header:        make(http.Header, len(event.Header)+len(e.headers)+12),
		Body:          io.NopCloser(bytes.NewReader(body)),
		ContentLength: int64(len(body)),
		GetBody: func() (io.ReadCloser, error) {
			return io.NopCloser(bytes.NewReader(body)), nil
		},
	}).WithContext(ctx)
	if len(body) == 0 {
		request.Body = http.NoBody
	}
	if err := e.setHeaders(request.Header, attempt, body, time.Now()); err != nil {
		return nil, err
	}
	return request, nil
}
