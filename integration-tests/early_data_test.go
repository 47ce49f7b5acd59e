package integrationtests

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"

	"github.com/hookgate/hookgate/integration-tests/gateway"
)

// TestEarlyData sends an event over HTTP/3 as early data, which anyone on the
// path could replay: it is refused, and accepted once the handshake is done.
func TestEarlyData(t *testing.T) {
	t.Parallel()
	sink := gateway.NewSink(t)
	_, port, _ := net.SplitHostPort(gateway.FreeAddr(t))
	config := strings.Replace(gateway.Config(declared("early")+gateway.Ticket(sink), gateway.Edge),
		"persist_config off", "persist_config off\n\tskip_install_trust\n\tauto_https disable_redirects", 1)
	gateway.Start(t, config+"\nhttps://localhost:"+port+" {\n\tbind 127.0.0.1\n\ttls internal\n\twebhooks\n}\n")
	// The certificate is the site's own, created while the test runs.
	trust := &tls.Config{
		InsecureSkipVerify: true, ServerName: "localhost", NextProtos: []string{http3.NextProtoH3},
		ClientSessionCache: tls.NewLRUClientSessionCache(1),
	}
	large := bytes.Repeat([]byte(`{"a":"0123456789"}`+"\n"), 500)
	send := func(c *h3, delivery string) *gateway.Answer {
		t.Helper()
		return c.send(t, "https://localhost:"+port+"/webhooks/early", gateway.GitHub(secret, "push", delivery, large), large)
	}

	var first *h3
	gateway.Eventually(t, "the site has its certificate", func() bool {
		var err error
		first, err = dialH3(t, port, trust, false)
		return err == nil
	})
	accept(t, send(first, "first"))
	gateway.Eventually(t, "the session can be resumed", func() bool {
		_, found := trust.ClientSessionCache.Get(trust.ServerName)
		return found
	})

	second, err := dialH3(t, port, trust, true)
	if err != nil {
		t.Fatal(err)
	}
	problem(t, send(second, "second"), http.StatusTooEarly)
	second.release()
	<-second.conn.HandshakeComplete()
	if !second.conn.ConnectionState().Used0RTT {
		t.Fatal("the server took no early data")
	}
	id := accept(t, send(second, "second"))
	if got := sink.Wait(id); !bytes.Equal(got.Body, large) {
		t.Errorf("the event has arrived as %q", got.Body)
	}
	if events := sink.Events(); len(events) != 2 {
		t.Errorf("%d events have arrived, want two", len(events))
	}
}

// h3 is a client's connection over HTTP/3.
type h3 struct {
	*heldBack
	conn *quic.Conn
	http *http3.ClientConn
}

// dialH3 opens a connection. A held one gets no further than early data.
func dialH3(t *testing.T, port string, trust *tls.Config, held bool) (*h3, error) {
	t.Helper()
	server, err := net.ResolveUDPAddr("udp", "127.0.0.1:"+port)
	if err != nil {
		t.Fatal(err)
	}
	socket, err := net.ListenUDP("udp", &net.UDPAddr{IP: server.IP})
	if err != nil {
		t.Fatal(err)
	}
	client := &h3{heldBack: &heldBack{PacketConn: socket, flight: make(chan struct{}), released: make(chan struct{})}}
	if !held {
		client.release()
	}
	transport := &quic.Transport{Conn: client.heldBack}
	t.Cleanup(func() {
		transport.Close()
		socket.Close()
	})
	ctx, cancel := context.WithTimeout(t.Context(), gateway.Patience)
	defer cancel()
	client.conn, err = transport.DialEarly(ctx, server, trust, &quic.Config{})
	if err != nil {
		return nil, err
	}
	client.http = new(http3.Transport).NewClientConn(client.conn)
	return client, nil
}

// send sends a request as early as the connection can.
func (c *h3) send(t *testing.T, url string, header http.Header, body []byte) *gateway.Answer {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Header, request.ContentLength = header, int64(len(body)) // which follows
	stream, err := c.http.OpenRequestStream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	stream.SetDeadline(time.Now().Add(gateway.Patience))
	if err := stream.SendRequestHeader(request); err != nil {
		t.Fatal(err)
	}
	stream.Write(body) // a refusal does not require reading it
	stream.Close()
	response, err := stream.ReadResponse()
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return &gateway.Answer{Status: response.StatusCode, Header: response.Header, Body: text}
}

// heldBack is a socket that sends the first flight of a connection, and until
// it is released drops what answers the server, including the end of the
// handshake. The flight is over when enough has been sent to contain the
// headers of a request.
type heldBack struct {
	net.PacketConn
	sent     atomic.Int32
	answered atomic.Bool
	flight   chan struct{}
	released chan struct{}
}

const firstFlight = 4 // packets

func (s *heldBack) release() { close(s.released) }

func (s *heldBack) isReleased() bool {
	select {
	case <-s.released:
		return true
	default:
		return false
	}
}

func (s *heldBack) WriteTo(packet []byte, to net.Addr) (int, error) {
	if s.answered.Load() && !s.isReleased() {
		return len(packet), nil
	}
	n, err := s.PacketConn.WriteTo(packet, to)
	if s.sent.Add(1) == firstFlight {
		close(s.flight)
	}
	return n, err
}

func (s *heldBack) ReadFrom(packet []byte) (int, net.Addr, error) {
	n, from, err := s.PacketConn.ReadFrom(packet)
	select {
	case <-s.flight:
	case <-s.released:
	}
	s.answered.Store(true)
	return n, from, err
}
