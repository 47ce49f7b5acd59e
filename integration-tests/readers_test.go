package integrationtests

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/integration-tests/gateway"
)

const givenUp = "an administrator's answer was not read and is aborted"

// stall requests a path over a connection and reads only the first byte.
func stall(t *testing.T, conn net.Conn, path string) {
	t.Helper()
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(gateway.Patience))
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", path, conn.RemoteAddr())
	if _, err := io.ReadFull(conn, make([]byte, 1)); err != nil {
		t.Errorf("a reader got no answer: %v", err)
	}
}

// isGivenUp waits until the gateway has disconnected readers that read nothing.
func isGivenUp(t *testing.T, g *gateway.Gateway, readers int) {
	t.Helper()
	if !gateway.Within(time.Minute, func() bool { return strings.Count(g.Logs(), givenUp) == readers }) {
		t.Errorf("%d of %d readers were given up", strings.Count(g.Logs(), givenUp), readers)
	}
}

// resident is the memory of the gateway's process in kilobytes, or 0 if
// unknown.
func resident(g *gateway.Gateway) (kilobytes int64) {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", g.PID()))
	_, rest, _ := strings.Cut(string(text), "\nVmRSS:")
	fmt.Sscan(rest, &kilobytes)
	return kilobytes << 10
}

// TestReadersThatStall has a project's administrators read nothing of a large
// event: that costs next to no memory, nobody else waits, and they are
// disconnected.
func TestReadersThatStall(t *testing.T) {
	t.Parallel()
	sink := gateway.NewSink(t)
	g := gateway.Start(t, gateway.Config(gateway.Ticket(sink)+of("one", "a")+of("two", "b"), gateway.Edge))
	large := fmt.Appendf(nil, `{"padding":%q}`, bytes.Repeat([]byte("x"), 16<<20))
	id := accept(t, g.Post("/webhooks/a", gateway.GitHub(secret, "push", "1", large), large))
	g.WaitStatus(t, "one", "a", id, "delivered")
	event := gateway.Integration("one", "a", "events", id)
	g.API("GET", event, nil).Want(t, 200)

	before := resident(g)
	const readers = 24
	for range readers {
		conn, err := net.Dial("tcp", g.Admin)
		if err != nil {
			t.Fatal(err)
		}
		conn.(*net.TCPConn).SetReadBuffer(16 << 10)
		stall(t, conn, event)
	}
	began := time.Now()
	if grown := resident(g) - before; grown > 100<<20 {
		t.Errorf("the memory has grown by %d MiB", grown>>20)
	}
	g.API("GET", event, nil).Want(t, 200)
	g.API("GET", gateway.Integration("two", "b", "events"), nil).Want(t, 200)
	accept(t, g.Post("/webhooks/b", gateway.GitHub(secret, "push", "2", body), body))
	if took := time.Since(began); took > gateway.Patience/2 {
		t.Errorf("others took %v", took)
	}
	isGivenUp(t, g, readers)
}

// remoteReaderStalls does the same at the remote endpoint.
func remoteReaderStalls(t *testing.T, g *gateway.Gateway, dial func() (*tls.Conn, error)) {
	large := fmt.Appendf(nil, `{"padding":%q}`, bytes.Repeat([]byte("x"), 16<<20))
	id := accept(t, g.Post("/webhooks/gh", gateway.GitHub(secret, "push", "large", large), large))
	conn, err := dial()
	if err != nil {
		t.Fatal(err)
	}
	stall(t, conn, gateway.Integration(demo, "gh", "events", id))
	isGivenUp(t, g, 1)
}
