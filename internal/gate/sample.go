package gate

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/hookgate/hookgate/internal/credential"
	"github.com/hookgate/hookgate/internal/integration"
	"github.com/hookgate/hookgate/internal/sender"
)

// Sampled is the answer to a sample event.
type Sampled struct {
	StatusCode int
	Body       []byte
	// EventID is the ID of the event that the request became, "" if none was
	// stored.
	EventID string
}

// Sample sends an integration an event as its sender would, through the steps of
// every request. It fails with sender.ErrSenderSigns if no credential can be
// created that admits the request. publicURL is that of the integration's
// project, or "" if unknown.
func Sample(ctx context.Context, config *Config, publicURL, webhookID string) (Sampled, error) {
	route, err := config.Integrations.Route(ctx, webhookID)
	if err != nil {
		return Sampled{}, fmt.Errorf("looking up %s: %w", webhookID, err)
	}
	if route == nil {
		return Sampled{}, integration.ErrNotFound
	}
	r, client, err := route.sample(ctx, publicURL, time.Now())
	if err != nil {
		return Sampled{}, fmt.Errorf("creating a sample event: %w", err)
	}
	w := &recorder{header: make(http.Header)}
	seen := New(Settings{PublicURL: publicURL}).Serve(w, r, client, func() (*Config, func(), error) { return config, func() {}, nil })
	return Sampled{StatusCode: w.status, Body: w.body, EventID: seen.EventID}, nil
}

// sample returns a request with the credentials of the integration, and the
// address of its client. below is the public URL, or "" if unknown.
func (r *Route) sample(ctx context.Context, below string, now time.Time) (request *http.Request, client string, err error) {
	local := &url.URL{Scheme: "http", Host: "localhost", Path: DefaultPrefix + r.Integration.WebhookID}
	address := local.String()
	if below != "" {
		address = below + r.Integration.WebhookID
	}
	p := r.provider
	if p == nil {
		p = sender.Guess(nil)
	}
	event := p.Sample(address, "test-"+rand.Text(), now)
	sample := credential.Sample{Request: event}
	if err := r.checker.Sample(&sample); err != nil {
		return nil, "", err
	}
	signed, err := url.Parse(event.URL) // a sender may add what it signs to the query
	if err != nil {
		return nil, "", fmt.Errorf("reading the address: %w", err)
	}
	local.RawQuery = signed.RawQuery
	request, err = http.NewRequestWithContext(ctx, event.Method, local.String(), bytes.NewReader(event.Body))
	if err != nil {
		return nil, "", err
	}
	request.Header = event.Header
	return request, sample.Client, nil
}

// recorder records an answer.
type recorder struct {
	header http.Header
	status int
	body   []byte
}

func (w *recorder) Header() http.Header { return w.header }

func (w *recorder) WriteHeader(status int) { w.status = status }

func (w *recorder) Write(text []byte) (int, error) {
	w.body = append(w.body, text...)
	return len(text), nil
}
