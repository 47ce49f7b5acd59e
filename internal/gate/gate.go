// Package gate takes a request from the edge to the event log. A request stays
// in one goroutine and passes through the steps in order; the first step with
// an answer ends it.
package gate

import (
	"context"
	"crypto/sha256"
	"hash"
	"math"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/hookgate/hookgate/internal/credential"
	"github.com/hookgate/hookgate/internal/integration"
	"github.com/hookgate/hookgate/internal/jsondoc"
	"github.com/hookgate/hookgate/internal/jwt"
	"github.com/hookgate/hookgate/internal/sender"
	"github.com/hookgate/hookgate/module/storage"
)

// Defaults of Settings.
const (
	DefaultPrefix  = "/webhooks/"
	DefaultMaxBody = 25 << 20
)

// Settings configure one handler.
type Settings struct {
	// Prefix is what precedes the webhook ID in a path; it begins and ends with a
	// slash. Default: DefaultPrefix.
	Prefix string

	// Inline passes the authenticated, wanted request on instead of storing it.
	Inline bool

	// ForwardCredentials keeps the credentials' headers when passing it on.
	ForwardCredentials bool

	// MaxBody is the largest body in bytes. Default: DefaultMaxBody.
	MaxBody int64

	// Projects are those whose integrations answer. Default: all.
	Projects []string

	// PublicURL is what precedes the webhook ID in the URL given to senders, which
	// some of them sign. Default: the URL that a request was sent to.
	PublicURL string
}

// Config is what a request needs of the running configuration. It is immutable,
// and remains usable until it is released, even if another configuration is
// loaded.
type Config struct {
	Integrations Integrations

	// Events is where events are stored. After an Append that is
	// storage.ErrStale, Route returns the integration as it is in the storage.
	Events storage.Events

	// Flight counts the bytes that the process is receiving.
	Flight *Flight

	// Serves reports whether a trigger serves the resource type.
	Serves func(resourceType string) bool

	// Issuers are the configuration's issuers of tokens, by their names.
	Issuers map[string]*jwt.Issuer

	// Remote is what verifiers need from others.
	Remote *sender.Remote

	// AllowUnauthenticated permits integrations without any credential.
	AllowUnauthenticated bool
}

// Integrations are the targets of requests.
type Integrations interface {
	// Route returns the integration of a webhook ID, or nil if there is none; it
	// returns the same pointer while the integration is unchanged.
	Route(ctx context.Context, webhookID string) (*Route, error)

	// Learn durably stores a secret that a sender has chosen, and reports whether
	// it is the one that was learned.
	Learn(ctx context.Context, in *integration.Integration, secret, client string) (learned bool, err error)

	// Use durably records that a request is accepted for an integration that is
	// Unused. It returns soon, whether or not that succeeds.
	Use(ctx context.Context, in *integration.Integration)
}

// Acquire takes a reference to the running configuration. release must be
// called once.
type Acquire func() (config *Config, release func(), err error)

// Gate answers the requests of one handler.
type Gate struct {
	settings Settings
	// escaped is the prefix in an escaped path.
	escaped string
	// patience is how long a body may take in addition to a second for each
	// leastRate bytes of it.
	patience time.Duration
	// drain is how long to wait for the rest of a refused body, so that the sender
	// reads the answer before the connection ends.
	drain time.Duration
}

// New returns a gate with these settings.
func New(settings Settings) *Gate {
	if settings.Prefix == "" {
		settings.Prefix = DefaultPrefix
	}
	if settings.MaxBody <= 0 {
		settings.MaxBody = DefaultMaxBody
	}
	settings.MaxBody = min(settings.MaxBody, math.MaxInt-1) // read adds one
	return &Gate{
		settings: settings,
		escaped:  (&url.URL{Path: settings.Prefix}).EscapedPath(),
		patience: patience,
		drain:    5 * time.Second,
	}
}

// Seen is the result of a request, for logs, metrics and placeholders.
type Seen struct {
	Outcome Outcome
	// Reason explains a refusal in a word or two, such as signature_mismatch. It
	// never contains anything from the request.
	Reason string
	// StatusCode is that of the answer, or 0 if the request is passed on.
	StatusCode int
	// Integration is nil until one is found.
	Integration *integration.Integration
	// EventType and DeliveryID are those of the authenticated sender.
	EventType  string
	DeliveryID string
	// Learned means that the sender has sent its secret.
	Learned bool
	// EventID is the ID of the event that stands for the request.
	EventID string
	// Pass means that the request was not answered: the next handler must answer
	// it, and then Done must be called.
	Pass bool

	holding holding
}

// Done releases what a passed request holds. It may always be called, and more
// than once.
func (s *Seen) Done() { s.holding.release() }

// receiving and then judging are the checks in the order in which a request
// passes them.
var receiving = [...]func(*visit) *answer{
	(*visit).checkMethod, // 405
	(*visit).find,        // 404, or 503 if nothing can be looked up
	(*visit).checkEarly,  // 425
	(*visit).checkLength, // 413 by length
	(*visit).precheck,    // 401 by the headers alone
	(*visit).read,        // 415, 408, 413, 503
}

// judging are the checks that depend on the integration as it is once the body
// has arrived. If it changes before the event is stored, they are all repeated.
var judging = [...]func(*visit) *answer{
	(*visit).authenticate, // 401, 503
	(*visit).confirm,      // 200, 503
	(*visit).understand,   // 400
	(*visit).shakeHands,   // what the sender expects
	(*visit).checkFilter,  // 200
	(*visit).checkMatch,   // 200, 503
	(*visit).pass,         // nothing is stored inline
	(*visit).append,       // 202, 200, 503
}

// Serve answers the request, unless it is passed on. client is the address of
// the client, if known.
func (g *Gate) Serve(w http.ResponseWriter, r *http.Request, client string, acquire Acquire) Seen {
	v := visits.Get().(*visit)
	v.gate, v.w, v.r, v.client, v.acquire = g, w, r, client, acquire
	v.control = *http.NewResponseController(w)
	defer v.end()

	if a := v.judge(); a != nil {
		v.write(a)
	}
	return v.seen
}

// judgements bounds how often a request is judged if its integration changes
// each time before its event is stored.
const judgements = 5

// judge returns the request's answer, or nil if it is passed on.
func (v *visit) judge() *answer {
	if a := v.take(receiving[:]); a != nil {
		return a
	}
	for range judgements {
		if a := v.take(judging[:]); a != stale {
			return a
		}
		v.header.reset()
		v.content, v.seen.Reason = content{}, ""
	}
	return v.refuse(unavailable, "integration_changing")
}

// take takes the steps until one has an answer or passes the request on.
func (v *visit) take(steps []func(*visit) *answer) *answer {
	for _, step := range steps {
		if a := step(v); a != nil || v.seen.Pass {
			return a
		}
	}
	return nil
}

// visit is the processing of one request.
type visit struct {
	gate    *Gate
	w       http.ResponseWriter
	r       *http.Request
	control http.ResponseController
	client  string
	acquire Acquire

	config  *Config
	release func()
	id      string
	route   *Route
	// presented are the credentials that the request presents.
	presented credential.Request

	upload *upload
	// body is what was received, payload the event: for a form, the JSON inside
	// it.
	body     []byte
	received bool             // the body has arrived completely
	document jsondoc.Document // of the body
	payload  []byte
	content  content

	event  storage.Event
	header *storedHeader
	hash   hash.Hash // SHA-256
	digest [sha256.Size]byte
	former [sha256.Size]byte

	seen  Seen
	reply answer
	text  [160]byte
}

var visits = sync.Pool{New: func() any { return newVisit() }}

func newVisit() *visit {
	return &visit{upload: new(upload), header: new(storedHeader), hash: sha256.New()}
}

// maxKept is the largest body buffer that is kept for another request.
const maxKept = 64 << 10

// end releases what the request held. Only memory remains in the visit for the
// next one.
func (v *visit) end() {
	v.upload.release()
	v.upload.reset()
	if v.release != nil {
		v.release()
	}
	kept := v.body[:0]
	if cap(kept) > maxKept {
		kept = nil
	}
	v.header.reset()
	*v = visit{upload: v.upload, body: kept, header: v.header, hash: v.hash}
	visits.Put(v)
}
