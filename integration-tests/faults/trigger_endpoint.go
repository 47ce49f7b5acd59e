package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// wrongEndpoint answers each request, on its own connection, according to its
// misbehaviour.
type wrongEndpoint struct {
	ledger *ledger // gets what arrives with success
	addr   string

	inside  *atomic.Int64 // connections to where no request must go
	written atomic.Int64  // bytes of answers
	right   atomic.Bool   // it has recovered, and answers 204

	mu    sync.Mutex
	times map[string][]time.Time // of the requests, by event
}

// newWrongEndpoint starts it, with TLS if secure is set.
func newWrongEndpoint(t *trial, l *ledger, behave behaviour, secure bool) *wrongEndpoint {
	e := &wrongEndpoint{ledger: l, times: make(map[string][]time.Time)}
	e.addr = listen(t, func(conn net.Conn) {
		if secure {
			conn = tls.Server(conn, selfSigned())
		}
		e.serve(conn, behave)
	})
	return e
}

// listen serves the connections to the address that it returns.
func listen(t *trial, serve func(net.Conn)) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				serve(conn)
			}()
		}
	}()
	return listener.Addr().String()
}

// selfSigned is a TLS configuration that no client trusts.
var selfSigned = sync.OnceValue(func() *tls.Config {
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	return server.TLS.Clone()
})

// serve reads a request and misbehaves.
func (e *wrongEndpoint) serve(conn net.Conn, behave behaviour) {
	r, err := http.ReadRequest(bufio.NewReader(conn))
	if err != nil {
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	id := r.Header.Get("Webhook-Id")
	e.mu.Lock()
	e.times[id] = append(e.times[id], time.Now())
	attempt := len(e.times[id])
	e.mu.Unlock()
	if e.right.Load() {
		behave = answers("204 No Content")
	}
	out := &counter{Conn: conn, endpoint: e}
	behave(out, attempt)
	if bytes.HasPrefix(out.first, []byte("HTTP/1.1 2")) {
		r.Body = io.NopCloser(bytes.NewReader(body))
		e.ledger.receive(httptest.NewRecorder(), r)
	}
}

// counter counts what is written and keeps its beginning.
type counter struct {
	net.Conn
	endpoint *wrongEndpoint
	first    []byte
}

func (c *counter) Write(p []byte) (int, error) {
	if c.first == nil {
		c.first = bytes.Clone(p[:min(len(p), 16)])
	}
	n, err := c.Conn.Write(p)
	c.endpoint.written.Add(int64(n))
	return n, err
}

// waits returns the shortest time between the first two requests of an event.
func (e *wrongEndpoint) waits() (least time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, at := range e.times {
		if len(at) > 1 {
			if wait := at[1].Sub(at[0]); least == 0 || wait < least {
				least = wait
			}
		}
	}
	return least
}

// behaviour answers one request; attempt counts those of the same event. The
// connection is closed when it returns.
type behaviour func(conn net.Conn, attempt int)

// answers writes a status, headers, and no body.
func answers(status string, headers ...string) behaviour {
	return func(conn net.Conn, _ int) {
		lines := append([]string{"HTTP/1.1 " + status, "Content-Length: 0", "Connection: close"}, headers...)
		_, _ = io.WriteString(conn, strings.Join(lines, "\r\n")+"\r\n\r\n")
	}
}

// slowly answers after a while.
func slowly(conn net.Conn, attempt int) {
	time.Sleep(700 * time.Millisecond)
	answers("204 No Content")(conn, attempt)
}

// hangs writes a text and then nothing more, until the other side gives up.
func hangs(text string) behaviour {
	return func(conn net.Conn, _ int) {
		_, _ = io.WriteString(conn, text)
		_, _ = io.Copy(io.Discard, conn)
	}
}

// breaks writes a text and closes the connection.
func breaks(text string) behaviour {
	return func(conn net.Conn, _ int) { _, _ = io.WriteString(conn, text) }
}

// floods writes a text and then the same block until the other side closes, or
// a gigabyte has been sent.
func floods(text, block string) behaviour {
	return func(conn net.Conn, _ int) {
		_, err := io.WriteString(conn, text)
		data := bytes.Repeat([]byte(block), 1+(64<<10)/len(block))
		for sent := 0; sent < 1<<30 && err == nil; sent += len(data) {
			_, err = conn.Write(data)
		}
	}
}

// retryAfter is how long an endpoint asks to be left alone.
const retryAfter = 2 * time.Second

// limits refuses the first attempt for each event for a while.
func limits(value func() string) behaviour {
	return func(conn net.Conn, attempt int) {
		if attempt == 1 {
			answers("429 Too Many Requests", "Retry-After: "+value())(conn, attempt)
			return
		}
		answers("204 No Content")(conn, attempt)
	}
}

func inSeconds() string { return fmt.Sprint(int(retryAfter.Seconds())) }

// asDate returns a time after retryAfter plus the fraction of a second that a
// date cannot show.
func asDate() string {
	return time.Now().Add(retryAfter + time.Second).UTC().Format(http.TimeFormat)
}
