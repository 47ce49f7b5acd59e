package gate

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hookgate/hookgate/internal/credential"
	"github.com/hookgate/hookgate/internal/integration"
)

// What headers alone can refuse is answered before the body has come.
func TestRefusedBeforeTheBody(t *testing.T) {
	s := serve(t, newBackend(t, github()), New(Settings{MaxBody: 1000}))
	for _, test := range []struct {
		fields string
		status int
	}{
		{"Content-Length: 100\r\nX-Hub-Signature-256: sha256=short\r\n", 401},
		{"Content-Length: 100\r\n", 401},
		{"Transfer-Encoding: chunked\r\n", 401},
		{"Content-Length: 1001\r\nX-Hub-Signature-256: " + signature(push) + "\r\n", 413},
		{"Content-Length: 100\r\nContent-Encoding: br\r\nX-Hub-Signature-256: " + signature(push) + "\r\n", 415},
	} {
		start := time.Now()
		got := s.raw(t, "POST /webhooks/hook HTTP/1.1\r\nHost: test\r\n"+test.fields+"\r\n")
		if got.status != test.status {
			t.Errorf("%q: status %d, want %d", test.fields, got.status, test.status)
		}
		if spent := time.Since(start); spent > 2*time.Second {
			t.Errorf("%q: waited %v", test.fields, spent)
		}
	}
	got := s.raw(t, "POST /webhooks/none HTTP/1.1\r\nHost: test\r\nContent-Length: 100\r\n\r\n")
	if got.status != 404 {
		t.Errorf("unknown: status %d", got.status)
	}
}

func TestTooLarge(t *testing.T) {
	b := newBackend(t, github())
	s := serve(t, b, New(Settings{MaxBody: 1 << 20}))
	body := strings.Repeat("x", 1<<20)
	if got := s.post(t, "/webhooks/hook", signed("push", "1", body), body); got.status != 202 {
		t.Errorf("at the limit: %d", got.status)
	}
	body += "x"
	if got := s.post(t, "/webhooks/hook", signed("push", "2", body), body); got.status != 413 {
		t.Errorf("by length: %d", got.status)
	}
	r, err := http.NewRequest(http.MethodPost, s.URL+"/webhooks/hook", io.MultiReader(strings.NewReader(body)))
	if err != nil {
		t.Fatal(err)
	}
	r.Header = signed("push", "3", body)
	got := s.do(t, r)
	if got.status != 413 {
		t.Errorf("in pieces: %d", got.status)
	}
	checkProblem(t, got)
	if b.log.count() != 1 {
		t.Errorf("%d events stored", b.log.count())
	}
}

// A bound that a handler before this one set is answered the same way.
func TestTooLargeForAnotherHandler(t *testing.T) {
	b := newBackend(t, github())
	r := httptest.NewRequest("POST", "/webhooks/hook", nil)
	r.Header, r.ContentLength = signed("push", "1", push), -1
	w := httptest.NewRecorder()
	r.Body = http.MaxBytesReader(w, io.NopCloser(strings.NewReader(push)), 10)
	if New(Settings{}).Serve(w, r, "", b.Acquire); w.Code != 413 {
		t.Errorf("status %d", w.Code)
	}
}

func TestTooSlow(t *testing.T) {
	g := New(Settings{})
	g.patience = 150 * time.Millisecond
	for _, head := range []string{
		"Content-Length: 100\r\n\r\nabc",
		"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
	} {
		s := serve(t, newBackend(t, github()), g)
		start := time.Now()
		got := s.send(t, "POST /webhooks/hook HTTP/1.1\r\nHost: test\r\nX-Hub-Signature-256: "+signature(push)+"\r\n"+head)
		if !strings.HasPrefix(got, "HTTP/1.1 408 ") || !strings.Contains(got, "\r\nConnection: close\r\n") {
			t.Errorf("got %q", got)
		}
		if spent := time.Since(start); spent < g.patience || spent > 5*time.Second {
			t.Errorf("answered and closed after %v", spent)
		}
		if seen := s.lastSeen(t, 1); seen.Outcome != TooSlow {
			t.Errorf("seen %+v", seen)
		}
	}
}

func TestTooSlowOverHTTP2(t *testing.T) {
	g := New(Settings{})
	g.patience = 150 * time.Millisecond
	b := newBackend(t, github())
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.Serve(w, r, "", b.Acquire)
	}))
	s.EnableHTTP2 = true
	s.StartTLS()
	defer s.Close()
	body, feed := io.Pipe()
	defer feed.Close()
	r, err := http.NewRequest(http.MethodPost, s.URL+"/webhooks/hook", body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header = signed("push", "1", push)
	res, err := s.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if got := read(t, res); got.status != 408 || res.ProtoMajor != 2 {
		t.Errorf("%s: status %d", res.Proto, got.status)
	}
}

func TestBodyCutShort(t *testing.T) {
	s := serve(t, newBackend(t, github()), New(Settings{}))
	conn := s.dial(t).(*net.TCPConn)
	fmt.Fprintf(conn, "POST /webhooks/hook HTTP/1.1\r\nHost: test\r\nX-Hub-Signature-256: %s\r\nContent-Length: 100\r\n\r\nabc", signature(push))
	conn.CloseWrite()
	if seen := s.lastSeen(t, 1); seen.StatusCode != 400 || seen.Reason != "body_cut" {
		t.Errorf("seen %+v", seen)
	}
}

// What changes while the body is coming counts as it stands when the event is
// stored.
func TestChangedWhileReading(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*backend)
		status int
	}{
		{"unchanged", func(*backend) {}, 202},
		{"another alias", func(b *backend) { b.put(t, github(func(it *integration.Integration) { it.Alias = "new" })) }, 202},
		{"another secret", func(b *backend) {
			b.put(t, github(func(it *integration.Integration) { it.Authentication.Credentials.Signature().Secrets = secrets("new") }))
		}, 401},
		{"another way in", func(b *backend) {
			b.put(t, github(ways(integration.Authentication{Credentials: credential.NewSet(&credential.Bearer{Tokens: secrets("x")})})))
		}, 401},
		{"disabled", func(b *backend) { b.put(t, github(func(it *integration.Integration) { it.IsEnabled = false })) }, 404},
		{"gone", func(b *backend) { b.remove("hook") }, 404},
		{"lookup fails", func(b *backend) { b.mu.Lock(); b.lookup = errDown; b.mu.Unlock() }, 503},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBackend(t, github())
			s := serve(t, b, New(Settings{}))
			body, feed := io.Pipe()
			go func() {
				io.WriteString(feed, push[:5]) // returns when it is being read
				for deadline := time.Now().Add(5 * time.Second); b.flight.Used() == 0 && time.Now().Before(deadline); {
					<-time.After(time.Millisecond)
				}
				test.change(b)
				io.WriteString(feed, push[5:])
				feed.Close()
			}()
			r, err := http.NewRequest(http.MethodPost, s.URL+"/webhooks/hook", body)
			if err != nil {
				t.Fatal(err)
			}
			r.Header = signed("push", "1", push)
			if got := s.do(t, r); got.status != test.status {
				t.Errorf("status %d, want %d", got.status, test.status)
			}
			if test.name == "another alias" && b.log.last(t).Alias != "new" {
				t.Error("stored with the old alias")
			}
		})
	}
}

// A body is never taken for the announced size: the buffer follows what came.
func TestGrow(t *testing.T) {
	buffer := grow(nil, 100)
	if cap(buffer) != 101 {
		t.Errorf("a small limit: %d", cap(buffer))
	}
	buffer = nil
	for range 20 {
		before := cap(buffer)
		buffer = grow(buffer[:cap(buffer)], 1<<20)
		if cap(buffer) > max(2*before, firstBuffer) || cap(buffer) <= before {
			t.Fatalf("from %d to %d", before, cap(buffer))
		}
		if cap(buffer) == 1<<20+1 {
			return
		}
	}
	t.Errorf("ended at %d", cap(buffer))
}

// Requests at once do not see each other's memory.
func TestAtOnce(t *testing.T) {
	b := newBackend(t, github())
	s := serve(t, b, New(Settings{}))
	var group sync.WaitGroup
	for n := range 8 {
		group.Go(func() {
			for i := range 50 {
				body := fmt.Sprintf(`{"n":%d,"i":%d,"pad":%q}`, n, i, strings.Repeat("x", n*i*40))
				if got := s.post(t, "/webhooks/hook", signed("push", fmt.Sprint(n, "-", i), body), body); got.status != 202 {
					t.Errorf("status %d", got.status)
				}
			}
		})
	}
	group.Wait()
	if b.log.count() != 400 {
		t.Fatalf("%d events", b.log.count())
	}
	for _, event := range b.log.events {
		n, i, _ := strings.Cut(event.DeliveryID, "-")
		if want := fmt.Appendf(nil, `{"n":%s,"i":%s,`, n, i); !bytes.HasPrefix(event.Body, want) {
			t.Errorf("delivery %s has the body %.30q", event.DeliveryID, event.Body)
		}
		if event.Header.Get("X-Github-Delivery") != event.DeliveryID {
			t.Errorf("delivery %s has the header %q", event.DeliveryID, event.Header)
		}
	}
}
