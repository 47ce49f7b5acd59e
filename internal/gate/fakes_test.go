package gate

import (
	"bufio"
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookgate/hookgate/internal/credential"
	"github.com/hookgate/hookgate/internal/integration"
	"github.com/hookgate/hookgate/internal/jwt"
	"github.com/hookgate/hookgate/module/storage"
)

// backend is a running configuration that a test changes as it likes.
type backend struct {
	mu      sync.Mutex
	routes  map[string]*Route
	types   map[string]bool
	open    bool
	issuers map[string]*jwt.Issuer
	lookup  error
	acquire error
	lookups int
	// learned is what senders have brought; unlearned is why nothing is kept.
	learned   []string
	unlearned error
	used      []string // webhook IDs
	log       log
	flight    *Flight
	held      atomic.Int64
}

func newBackend(t testing.TB, integrations ...*integration.Integration) *backend {
	b := &backend{
		routes: map[string]*Route{},
		types:  map[string]bool{"assistant": true},
		flight: NewFlight(0),
	}
	for _, it := range integrations {
		b.put(t, it)
	}
	return b
}

func (b *backend) put(t testing.TB, it *integration.Integration) {
	t.Helper()
	route, err := Compile(it)
	if err != nil {
		t.Fatal(err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.routes[it.WebhookID] = route
}

func (b *backend) remove(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.routes, id)
}

func (b *backend) Route(_ context.Context, id string) (*Route, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lookups++
	return b.routes[id], b.lookup
}

func (b *backend) Use(_ context.Context, in *integration.Integration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.used = append(b.used, in.WebhookID)
}

func (b *backend) Learn(_ context.Context, _ *integration.Integration, secret, client string) (bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.learned = append(b.learned, secret+" from "+client)
	return len(b.learned) == 1, b.unlearned
}

// publicURL is that of the servers.
const publicURL = "https://hooks.example.com/webhooks/"

func (b *backend) config() *Config {
	return &Config{
		Integrations:         b,
		Events:               &b.log,
		Flight:               b.flight,
		Serves:               func(resourceType string) bool { return b.types[resourceType] },
		Issuers:              b.issuers,
		AllowUnauthenticated: b.open,
	}
}

func (b *backend) Acquire() (*Config, func(), error) {
	if b.acquire != nil {
		return nil, nil, b.acquire
	}
	b.held.Add(1)
	return b.config(), func() { b.held.Add(-1) }, nil
}

// server serves a gate over a real socket.
type server struct {
	*httptest.Server
	backend *backend
	mu      sync.Mutex
	seen    []Seen
	// next answers what passes.
	next http.HandlerFunc
	// flown are the bytes in flight that are not the server's.
	flown int64
}

func serve(t testing.TB, b *backend, g *Gate) *server {
	g.settings.PublicURL = publicURL
	s := &server{backend: b}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, _ := net.SplitHostPort(r.RemoteAddr)
		seen := g.Serve(w, r, host, b.Acquire)
		if seen.Pass {
			s.next(w, r)
		}
		seen.Done()
		s.mu.Lock()
		defer s.mu.Unlock()
		s.seen = append(s.seen, seen)
	}))
	t.Cleanup(func() {
		s.Close()
		if used, held := b.flight.Used(), b.held.Load(); used != s.flown || held != 0 {
			t.Errorf("%d bytes in flight and %d references were not given back", used, held)
		}
	})
	return s
}

// reason waits for the end of the last request and returns what was seen.
func (s *server) lastSeen(t *testing.T, count int) Seen {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); {
		s.mu.Lock()
		n := len(s.seen)
		s.mu.Unlock()
		if n >= count {
			s.mu.Lock()
			defer s.mu.Unlock()
			return s.seen[count-1]
		}
		<-time.After(time.Millisecond)
	}
	t.Fatalf("request %d has not ended", count)
	return Seen{}
}

// reply is an answer, read to its end.
type reply struct {
	status int
	header http.Header
	body   string
}

func (s *server) post(t testing.TB, path string, header http.Header, body string) reply {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, s.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	maps.Copy(r.Header, header)
	return s.do(t, r)
}

func (s *server) do(t testing.TB, r *http.Request) reply {
	t.Helper()
	res, err := s.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	return read(t, res)
}

// dial opens a connection that cannot hang.
func (s *server) dial(t testing.TB) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	return conn
}

// raw sends bytes as they are and reads one answer.
func (s *server) raw(t testing.TB, request string) reply {
	t.Helper()
	conn := s.dial(t)
	defer conn.Close()
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	return read(t, res)
}

// send sends bytes as they are and returns all that comes until the end of
// the connection.
func (s *server) send(t testing.TB, request string) string {
	t.Helper()
	conn := s.dial(t)
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	return string(answer)
}

func read(t testing.TB, res *http.Response) reply {
	t.Helper()
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{res.StatusCode, res.Header, string(body)}
}

// request writes a request of HTTP/1.1 with a body of a known length.
func request(path string, fields []string, body string) string {
	return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: test\r\nContent-Length: %d\r\n%s\r\n%s",
		path, len(body), strings.Join(append(fields, ""), "\r\n"), body)
}

// github is an integration as most are.
func github(change ...func(*integration.Integration)) *integration.Integration {
	it := &integration.Integration{
		Identity:       storage.Identity{1},
		WebhookID:      "hook",
		Project:        "demo",
		Alias:          "PR review",
		IsEnabled:      true,
		Authentication: integration.Authentication{Credentials: credential.NewSet(&credential.Signature{Provider: "github", Secrets: secrets(theSecret)}), RequireSHA256Signature: true, Match: integration.MatchAny},
		Dedupe:         integration.DedupeDelivery,
		Resources:      []integration.Resource{{Type: "assistant", ID: "8f0c"}},
	}
	for _, c := range change {
		c(it)
	}
	return it
}

const theSecret = "It's a Secret to Everybody"

// give gives an integration a credential.
func give(it *integration.Integration, c credential.Credential) {
	it.Authentication.Credentials = it.Authentication.Credentials.With(c)
}

func secrets(texts ...string) []credential.Secret {
	list := make([]credential.Secret, len(texts))
	for i, text := range texts {
		list[i] = credential.NewSecret(text)
	}
	return list
}

func signature(body string) string {
	mac := hmac.New(sha256.New, []byte(theSecret))
	mac.Write([]byte(body))
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

func legacySignature(body string) string {
	mac := hmac.New(sha1.New, []byte(theSecret))
	mac.Write([]byte(body))
	return "sha1=" + hex.EncodeToString(mac.Sum(nil))
}

// signed returns the headers of GitHub's delivery of the body.
func signed(event, delivery, body string) http.Header {
	return http.Header{
		"Content-Type":        {"application/json"},
		"User-Agent":          {"GitHub-Hookshot/044aadd"},
		"X-Github-Event":      {event},
		"X-Github-Delivery":   {delivery},
		"X-Hub-Signature-256": {signature(body)},
	}
}
