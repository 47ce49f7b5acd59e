package integrationtests

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/integration-tests/gateway"
)

// TestInFlight: uploads that are held without sending more make room for those
// that progress, for an integration, for a client, and for all unauthenticated
// ones.
func TestInFlight(t *testing.T) {
	t.Parallel()
	sink := gateway.NewSink(t)
	config := func(inFlight string) string {
		text := gateway.Config("limits {\nin_flight "+inFlight+"\n}\n"+gateway.Ticket(sink)+
			declared("a")+declared("b")+declared("c")+declared("d"), gateway.Edge)
		return strings.Replace(text, "\tpersist_config off\n", "\tpersist_config off\n\tservers {\n\t\ttrusted_proxies static 127.0.0.1/32\n\t}\n", 1)
	}
	g := gateway.Start(t, config("4MiB")) // 2 MiB for unauthenticated bodies, 1 MiB for an integration and for a client
	if !strings.Contains(g.Logs(), "max_body") {
		t.Error("the load does not tell that the largest bodies never fit")
	}
	payload := bytes.Repeat([]byte("x"), 256<<10)
	header := func(client string) http.Header {
		h := gateway.GitHub(secret, "push", "", payload)
		h.Set("X-Forwarded-For", client)
		return h
	}
	// begin sends that much of a body, and waits until it has been received.
	begin := func(id, client string, bytes int) *gateway.Conn {
		t.Helper()
		before := metric(t, g, "in_flight_bytes")
		conn := gateway.Dial(t, g.Addr)
		var head strings.Builder
		if err := header(client).Write(&head); err != nil {
			t.Fatal(err)
		}
		conn.Send(fmt.Sprintf("POST /webhooks/%s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n%s\r\n%s", id, bytes+1, head.String(), strings.Repeat("x", bytes)))
		gateway.Eventually(t, "the bytes are counted", func() bool { return metric(t, g, "in_flight_bytes") == before+float64(bytes) })
		return conn
	}
	n := 0
	post := func(id, client string) *gateway.Answer {
		n++
		h := header(client)
		h.Set("X-GitHub-Delivery", fmt.Sprint(n))
		return g.Post("/webhooks/"+id, h, payload)
	}
	ended := func(conn *gateway.Conn, reason string) {
		t.Helper()
		problem(t, conn.Answer(), 408)
		if got := metric(t, g, `refusals_total{reason="`+reason+`"}`); got != 1 {
			t.Errorf("%v refusals for %s", got, reason)
		}
	}
	stranger := begin("a", "203.0.113.1", 1_000_000)
	accept(t, post("a", "203.0.113.2"))
	ended(stranger, "ended_integration_in_flight")

	stranger = begin("b", "2001:db8::1", 1_000_000)
	accept(t, post("c", "2001:db8::ffff"))
	ended(stranger, "ended_client_in_flight")

	first, second := begin("b", "203.0.113.3", 1_000_000), begin("c", "203.0.113.4", 1_000_000)
	if used, limit := status(t, g, "limits", "in_flight", "used"), status(t, g, "limits", "in_flight", "limit"); used != 2_000_000 || limit != 4<<20 {
		t.Errorf("the status says %v of %v", used, limit)
	}
	accept(t, post("d", "203.0.113.5"))
	ended(first, "ended_unauthenticated_in_flight")

	g.Reload(config("8MiB"))
	if got := metric(t, g, "in_flight_limit_bytes"); got != 8<<20 {
		t.Errorf("the limit is %v after the reload", got)
	}
	third := begin("d", "203.0.113.6", 1_000_000)
	accept(t, post("d", "203.0.113.4"))
	second.Close()
	third.Close()
	gateway.Eventually(t, "the bytes are given back", func() bool { return metric(t, g, "in_flight_bytes") == 0 })
	if strings.Contains(g.Logs(), "trusted_proxies is not set") {
		t.Error("the log has it that trusted_proxies is not set")
	}
}

// TestUploadTime: time is earned by bytes that arrive, whatever was announced.
func TestUploadTime(t *testing.T) {
	t.Parallel()
	sink := gateway.NewSink(t)
	g := gateway.Start(t, gateway.Config(gateway.Ticket(sink)+declared("a"), gateway.Edge))
	start := time.Now()
	conn := gateway.Dial(t, g.Addr)
	conn.Send("POST /webhooks/a HTTP/1.1\r\nHost: x\r\nContent-Length: 20000000\r\nX-GitHub-Event: push\r\nX-Hub-Signature-256: " + gateway.SHA256(secret, body) + "\r\n\r\nx")
	problem(t, conn.Answer(), 408)
	if spent := time.Since(start); spent < 9*time.Second || spent > 15*time.Second {
		t.Errorf("ended after %v", spent)
	}
	g.Post("/webhooks/a", gateway.Headers("X-Forwarded-For", "203.0.113.1"), body).Want(t, 401)
	g.Post("/webhooks/a", gateway.Headers("X-Forwarded-For", "203.0.113.1"), body).Want(t, 401)
	if got := strings.Count(g.Logs(), "trusted_proxies is not set"); got != 1 {
		t.Errorf("the log says %d times that trusted_proxies is not set", got)
	}
}
