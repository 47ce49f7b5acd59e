package triggerconfig

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
)

func TestTransportDefaults(t *testing.T) {
	for raw, want := range map[string]string{
		"":                    `{"compression":false,"keep_alive":{"max_idle_conns_per_host":256},"max_response_header_size":65536,"network_proxy":{"from":"none"},"protocol":"http"}`,
		`{"protocol":"http"}`: `{"compression":false,"keep_alive":{"max_idle_conns_per_host":256},"max_response_header_size":65536,"network_proxy":{"from":"none"},"protocol":"http"}`,
		`{"protocol":"http","compression":true,"network_proxy":{"from":"url","url":"x"}}`:                                                    `{"compression":true,"keep_alive":{"max_idle_conns_per_host":256},"max_response_header_size":65536,"network_proxy":{"from":"url","url":"x"},"protocol":"http"}`,
		`{"protocol":"http","forward_proxy_url":"x"}`:                                                                                        `{"compression":false,"forward_proxy_url":"x","keep_alive":{"max_idle_conns_per_host":256},"max_response_header_size":65536,"protocol":"http"}`,
		`{"protocol":"http","keep_alive":{"enabled":false},"max_response_header_size":7,"compression":true,"network_proxy":{"from":"none"}}`: `{"compression":true,"keep_alive":{"enabled":false},"max_response_header_size":7,"network_proxy":{"from":"none"},"protocol":"http"}`,
		`{"protocol":"other"}`: `{"protocol":"other"}`,
	} {
		got, err := transportDefaults(json.RawMessage(raw))
		if err != nil || string(got) != want {
			t.Errorf("%s: %s, %v", raw, got, err)
		}
	}
}

// load makes a round tripper of the transport's options, as the triggers do.
func load(t *testing.T, options string) http.RoundTripper {
	t.Helper()
	transport, cancel := loadUntil(t, options)
	t.Cleanup(cancel)
	return transport
}

// loadUntil does so for a configuration that is cleaned up by cancel.
func loadUntil(t *testing.T, options string) (transport http.RoundTripper, cancel func()) {
	t.Helper()
	ctx, cancel := caddy.NewContext(caddy.Context{Context: context.Background()})
	o := Options{TransportRaw: json.RawMessage(options)}
	if err := o.Prepare(ctx); err != nil {
		cancel()
		t.Fatal(err)
	}
	return o.Transport(), cancel
}

// An attempt that outlives its configuration leaves no connection behind, also
// when another one begins after the end.
func TestLateAttempts(t *testing.T) {
	var open atomic.Int64
	began, finish := make(chan struct{}), make(chan struct{})
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		began <- struct{}{}
		<-finish
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			open.Add(1)
		case http.StateClosed:
			open.Add(-1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	transport, cancel := loadUntil(t, "")
	var attempts sync.WaitGroup
	attempt := func() {
		request, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, nil)
		response, err := transport.RoundTrip(request)
		if err != nil {
			t.Error(err)
			return
		}
		response.Body.Close()
	}
	attempts.Go(attempt)
	<-began
	cancel()
	attempts.Go(attempt)
	<-began
	close(finish)
	attempts.Wait()
	for deadline := time.Now().Add(20 * time.Second); open.Load() > 0; <-time.After(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d connections are open", open.Load())
		}
	}
}

// TestFresh makes a connection for each request, in either version.
func TestFresh(t *testing.T) {
	for _, version := range []string{"1.1", "2"} {
		connections := make(map[string]bool)
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			connections[r.RemoteAddr] = true
			if !strings.HasPrefix(r.Proto, "HTTP/"+version) {
				t.Errorf("%s", r.Proto)
			}
		}))
		server.EnableHTTP2 = true
		server.StartTLS()
		t.Cleanup(server.Close)
		ctx, cancel := caddy.NewContext(caddy.Context{Context: context.Background()})
		t.Cleanup(cancel)
		o := Options{TransportRaw: json.RawMessage(`{"protocol":"http","tls":{"insecure_skip_verify":true},"versions":["` + version + `"]}`)}
		if err := o.Prepare(ctx); err != nil {
			t.Fatal(err)
		}
		transport, err := o.FreshTransport(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			request, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, strings.NewReader("x"))
			response, err := transport.RoundTrip(request)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, response.Body)
			response.Body.Close()
		}
		if len(connections) != 3 {
			t.Errorf("HTTP/%s: %d connections", version, len(connections))
		}
	}
}

// What an endpoint sends and nobody reads takes no memory without bound.
func TestUnreadAnswer(t *testing.T) {
	var sent atomic.Int64
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 2 {
			t.Errorf("%s", r.Proto)
		}
		for block := make([]byte, 4<<10); ; sent.Add(int64(len(block))) {
			if _, err := w.Write(block); err != nil {
				return
			}
		}
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	request, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, nil)
	response, err := load(t, `{"protocol":"http","tls":{"insecure_skip_verify":true}}`).RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	// The server stops when the window is full: it is, once no more comes.
	for before, deadline := int64(-1), time.Now().Add(20*time.Second); ; {
		if now := sent.Load(); now > 0 && now == before {
			break
		} else if now > 2*maxUnread || time.Now().After(deadline) {
			t.Fatalf("%d bytes were taken", now)
		} else {
			before = now
		}
		<-time.After(200 * time.Millisecond)
	}
	if _, err := io.CopyN(io.Discard, response.Body, 4*maxUnread); err != nil {
		t.Errorf("reading on: %v", err)
	}
}

// The headers of an answer are bounded in either version.
func TestHeaderWithoutEnd(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for n := range 2 * maxHeader / 1000 {
			w.Header().Set(fmt.Sprint("X-", n), strings.Repeat("x", 1000))
		}
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	for _, version := range []string{"1.1", "2"} {
		transport := load(t, `{"protocol":"http","tls":{"insecure_skip_verify":true},"versions":["`+version+`"]}`)
		request, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, nil)
		if response, err := transport.RoundTrip(request); err == nil {
			response.Body.Close()
			t.Errorf("HTTP/%s: the header was read", version)
		}
	}
}
