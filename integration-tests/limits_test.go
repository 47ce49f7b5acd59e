package integrationtests

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/integration-tests/gateway"
)

// full fails the test unless the answer is a 503 that names a limit in these
// words.
func full(t *testing.T, answer *gateway.Answer, words string) {
	t.Helper()
	problem(t, answer, http.StatusServiceUnavailable)
	if !strings.Contains(answer.Text(t, "detail"), words) {
		t.Errorf("the detail is %q, want %q", answer.Text(t, "detail"), words)
	}
	if seconds, err := strconv.Atoi(answer.Header.Get("Retry-After")); err != nil || seconds < 1 {
		t.Errorf("Retry-After %q", answer.Header.Get("Retry-After"))
	}
}

// metric is the value of a series of Hookgate's, without its prefix.
func metric(t *testing.T, g *gateway.Gateway, series string) float64 {
	t.Helper()
	for line := range strings.Lines(string(g.API("GET", "/metrics", nil).Want(t, 200).Body)) {
		if text, found := strings.CutPrefix(line, "caddy_webhooks_"+series+" "); found {
			value, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
			if err != nil {
				t.Fatal(err)
			}
			return value
		}
	}
	return -1
}

// status is a number of the status page.
func status(t *testing.T, g *gateway.Gateway, path ...string) float64 {
	t.Helper()
	var value any = g.API("GET", "/webhooks/status", nil).Want(t, 200).JSON(t)
	for _, name := range path {
		object, _ := value.(gateway.M)
		value = object[name]
	}
	number, ok := value.(float64)
	if !ok {
		t.Fatalf("the status has no number %v", path)
	}
	return number
}

// TestInFlight: half-sent bodies count, for the process, for an integration and
// for a client's address.
func TestInFlight(t *testing.T) {
	t.Parallel()
	sink := gateway.NewSink(t)
	config := func(inFlight string) string {
		text := gateway.Config("limits {\nin_flight "+inFlight+"\n}\n"+gateway.Ticket(sink)+
			declared("a")+declared("b")+declared("c")+declared("d"), gateway.Edge)
		return strings.Replace(text, "\tpersist_config off\n", "\tpersist_config off\n\tservers {\n\t\ttrusted_proxies static 127.0.0.1/32\n\t}\n", 1)
	}
	g := gateway.Start(t, config("1MiB"))
	if !strings.Contains(g.Logs(), "max_body") {
		t.Error("the load does not tell that the largest bodies never fit")
	}
	payload := bytes.Repeat([]byte("x"), 256<<10)
	header := func(client string) http.Header {
		h := gateway.GitHub(secret, "push", "", payload)
		h.Set("X-Forwarded-For", client)
		return h
	}
	// begin sends so much of a body, and says when it has been received.
	begin := func(id, client string, bytes int) *gateway.Conn {
		t.Helper()
		before := metric(t, g, "in_flight_bytes")
		conn := gateway.Dial(t, g.Addr)
		var head strings.Builder
		if err := header(client).Write(&head); err != nil {
			t.Fatal(err)
		}
		conn.Send(fmt.Sprintf("POST /webhooks/%s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n%s\r\n%s", id, 2*bytes, head.String(), strings.Repeat("x", bytes)))
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
	accept(t, post("a", "203.0.113.1"))
	conns := []*gateway.Conn{begin("a", "203.0.113.1", 500_000)}
	full(t, post("a", "203.0.113.2"), "for this integration")
	full(t, post("b", "203.0.113.1"), "from this address")
	accept(t, post("b", "203.0.113.2"))
	conns = append(conns, begin("b", "203.0.113.2", 250_000), begin("c", "203.0.113.3", 250_000))
	full(t, post("d", "203.0.113.4"), "Too many bytes of requests are being received.")
	if used, limit := status(t, g, "limits", "in_flight", "used"), status(t, g, "limits", "in_flight", "limit"); used != 1_000_000 || limit != 1<<20 {
		t.Errorf("the status says %v of %v", used, limit)
	}
	g.Reload(config("4MiB"))
	if got := metric(t, g, "in_flight_limit_bytes"); got != 4<<20 {
		t.Errorf("the limit is %v after the reload", got)
	}
	accept(t, post("d", "203.0.113.4"))
	for conn := range slices.Values(conns) {
		conn.Close()
	}
	gateway.Eventually(t, "the bytes are given back", func() bool { return metric(t, g, "in_flight_bytes") == 0 })
	for _, reason := range []string{"limit_in_flight", "limit_integration_in_flight", "limit_client_in_flight"} {
		if got := metric(t, g, `refusals_total{reason="`+reason+`"}`); got != 1 {
			t.Errorf("%v refusals for %s", got, reason)
		}
	}
}
