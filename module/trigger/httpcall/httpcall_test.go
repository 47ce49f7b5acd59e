package httpcall_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookgate/hookgate/module/trigger"
	"github.com/hookgate/hookgate/module/trigger/httpcall"
)

func drain(response *http.Response) error {
	_, err := io.Copy(io.Discard, response.Body)
	return err
}

// raw serves each connection with fn.
func raw(t *testing.T, fn func(net.Conn)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				fn(conn)
			}()
		}
	}()
	return listener.Addr().String()
}

func readRequest(conn net.Conn) { _, _ = conn.Read(make([]byte, 4096)) }

func TestFailures(t *testing.T) {
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(secure.Close)
	plain := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(plain.Close)
	mute := raw(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })

	for _, test := range []struct {
		name, url, code string
		sent            bool // and so the endpoint was reached
	}{
		{"refused", "http://127.0.0.1:1/", trigger.ErrConnect, false},
		{"no such name", "http://nowhere.invalid/", trigger.ErrDNS, false},
		{"unknown certificate", secure.URL, trigger.ErrTLS, false},
		{"plain answer to TLS", "https://" + plain.Listener.Addr().String(), trigger.ErrTLS, false},
		{"silent in the handshake", "https://" + mute, trigger.ErrTimeout, false},
		{"silent", "http://" + mute, trigger.ErrTimeout, true},
		{"closed", "http://" + raw(t, func(net.Conn) {}), trigger.ErrConnect, true},
		{"closed after the request", "http://" + raw(t, readRequest), trigger.ErrConnect, true},
		{"garbage", "http://" + raw(t, func(c net.Conn) {
			readRequest(c)
			_, _ = c.Write([]byte("SSH-2.0-x\r\n\r\n"))
		}), trigger.ErrConnect, true},
		{"broken body", "http://" + raw(t, func(c net.Conn) {
			readRequest(c)
			_, _ = c.Write([]byte("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nx"))
		}), trigger.ErrConnect, true},
		{"stalled body", "http://" + raw(t, func(c net.Conn) {
			readRequest(c)
			_, _ = c.Write([]byte("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nx"))
			_, _ = io.Copy(io.Discard, c)
		}), trigger.ErrTimeout, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			transport := &http.Transport{}
			t.Cleanup(transport.CloseIdleConnections)
			request, err := http.NewRequestWithContext(t.Context(), "POST", test.url, strings.NewReader("x"))
			if err != nil {
				t.Fatal(err)
			}
			timeout := 20 * time.Second
			if test.code == trigger.ErrTimeout {
				timeout = 300 * time.Millisecond
			}
			failure := httpcall.Do(transport, request, timeout, drain)
			if failure == nil || failure.Code != test.code || failure.Sent != test.sent {
				t.Fatalf("got %+v, want %s, sent %v", failure, test.code, test.sent)
			}
			fault := trigger.FaultUnsaid
			if test.sent {
				fault = trigger.FaultResource
			}
			if failure.Fault != fault {
				t.Errorf("got %+v, want fault %d", failure, fault)
			}
		})
	}
}

// TestOpaqueDialer has a transport that hides why it could not connect, as
// that of Caddy does.
func TestOpaqueDialer(t *testing.T) {
	type opaque struct{ error }
	transport := &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, addr)
		if err != nil {
			return nil, opaque{err}
		}
		return conn, nil
	}}
	t.Cleanup(transport.CloseIdleConnections)
	for url, code := range map[string]string{"http://nowhere.invalid/": trigger.ErrDNS, "http://127.0.0.1:1/": trigger.ErrConnect} {
		request, _ := http.NewRequestWithContext(t.Context(), "POST", url, strings.NewReader("x"))
		failure := httpcall.Do(transport, request, 20*time.Second, drain)
		if failure == nil || failure.Code != code || failure.Sent {
			t.Errorf("%s: %+v", url, failure)
		}
	}
}

// TestHTTP2 breaks streams of a new connection and of one that is used again.
func TestHTTP2(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 2 {
			t.Errorf("%s", r.Proto)
		}
		panic(http.ErrAbortHandler)
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	transport := server.Client().Transport
	for range 2 {
		request, _ := http.NewRequestWithContext(t.Context(), "POST", server.URL, strings.NewReader("x"))
		failure := httpcall.Do(transport, request, 20*time.Second, drain)
		if failure == nil || failure.Code != trigger.ErrConnect || !failure.Sent {
			t.Errorf("%+v", failure)
		}
	}
}

// TestSilentTransport has a transport that does not report its connections:
// what it sent is unknown.
func TestSilentTransport(t *testing.T) {
	request, _ := http.NewRequestWithContext(t.Context(), "POST", "http://x.test", nil)
	failure := httpcall.Do(roundTrip(func(*http.Request) (*http.Response, error) {
		return nil, &tls.CertificateVerificationError{Err: errors.New("bad")}
	}), request, time.Second, drain)
	if failure == nil || !failure.Sent || failure.Code != trigger.ErrTLS {
		t.Errorf("%+v", failure)
	}
}

func TestCancelledBefore(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	request, _ := http.NewRequestWithContext(ctx, "POST", "http://x.test", nil)
	failure := httpcall.Do(roundTrip(func(*http.Request) (*http.Response, error) {
		t.Error("it was sent")
		return nil, context.Canceled
	}), request, time.Second, drain)
	if failure == nil || failure.Sent {
		t.Errorf("%+v", failure)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestJudge(t *testing.T) {
	for status, want := range map[int]trigger.Result{
		200: {Verdict: trigger.Delivered},
		204: {Verdict: trigger.Delivered},
		299: {Verdict: trigger.Delivered},
		101: {Verdict: trigger.Retry, Error: trigger.ErrAnswerInvalid},
		301: {Verdict: trigger.Retry, Error: trigger.ErrRedirect},
		304: {Verdict: trigger.Retry, Error: trigger.ErrRedirect},
		307: {Verdict: trigger.Retry, Error: trigger.ErrRedirect},
		400: {Verdict: trigger.Fail, Error: trigger.ErrStatus},
		401: {Verdict: trigger.RefusedCredential, Error: trigger.ErrStatus},
		403: {Verdict: trigger.RefusedCredential, Error: trigger.ErrStatus},
		404: {Verdict: trigger.Fail, Error: trigger.ErrStatus},
		407: {Verdict: trigger.RefusedCredential, Error: trigger.ErrStatus},
		408: {Verdict: trigger.Retry, Error: trigger.ErrStatus},
		410: {Verdict: trigger.Fail, Error: trigger.ErrStatus},
		422: {Verdict: trigger.Fail, Error: trigger.ErrStatus},
		425: {Verdict: trigger.Retry, Error: trigger.ErrStatus},
		429: {Verdict: trigger.Retry, Error: trigger.ErrStatus},
		451: {Verdict: trigger.Fail, Error: trigger.ErrStatus},
		500: {Verdict: trigger.Retry, Error: trigger.ErrStatus},
		503: {Verdict: trigger.Retry, Error: trigger.ErrStatus},
		599: {Verdict: trigger.Retry, Error: trigger.ErrStatus},
		999: {Verdict: trigger.Retry, Error: trigger.ErrAnswerInvalid},
	} {
		want.StatusCode = status
		if got := httpcall.Judge(status, nil); got != want {
			t.Errorf("%d: %+v", status, got)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for value, want := range map[string]time.Duration{
			"":                       0,
			"0":                      0,
			"120":                    2 * time.Minute,
			" 7 ":                    7 * time.Second,
			"-1":                     0,
			"1.5":                    0,
			"soon":                   0,
			"99999999999999999999":   7 * 24 * time.Hour,
			"31536000":               7 * 24 * time.Hour,
			after(90 * time.Second):  90 * time.Second,
			after(-90 * time.Second): 0,
			after(9000 * time.Hour):  7 * 24 * time.Hour,
		} {
			got := httpcall.Judge(503, http.Header{"Retry-After": {value}})
			if got.RetryAfter != want {
				t.Errorf("%q: %s, want %s", value, got.RetryAfter, want)
			}
		}
		// The endpoint's clock is a year behind, or ours before.
		year := 365 * 24 * time.Hour
		skewed := http.Header{"Retry-After": {after(90*time.Second - year)}, "Date": {after(-year)}}
		if got := httpcall.Judge(503, skewed); got.RetryAfter != 90*time.Second {
			t.Errorf("by another clock: %s", got.RetryAfter)
		}
		skewed.Set("Date", "yesterday")
		if got := httpcall.Judge(503, skewed); got.RetryAfter != 0 {
			t.Errorf("with a bad date: %s", got.RetryAfter)
		}
		if got := httpcall.Judge(200, http.Header{"Retry-After": {"5"}}); got.RetryAfter != 0 {
			t.Errorf("a success waits %s", got.RetryAfter)
		}
	})
}

func after(d time.Duration) string { return time.Now().Add(d).UTC().Format(http.TimeFormat) }
