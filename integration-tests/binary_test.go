package integrationtests

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/integration-tests/gateway"
)

// TestModules looks for every module in the binary as it is built for users.
func TestModules(t *testing.T) {
	t.Parallel()
	g := gateway.New(t, "")
	out, err := g.Command("list-modules")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	modules := strings.Fields(out)
	for _, name := range []string{
		"webhooks", "http.handlers.webhooks", "admin.api.webhooks", "webhooks.storage.badger",
		"webhooks.triggers.http", "webhooks.triggers.codemie", "http.handlers.reverse_proxy",
	} {
		if !slices.Contains(modules, name) {
			t.Errorf("the binary has no module %s", name)
		}
	}
}

// TestMetrics checks that the edge is counted, and that nothing a stranger
// sends creates a series.
func TestMetrics(t *testing.T) {
	t.Parallel()
	g, sink := edge(t, declared("plain"))
	series := func() int {
		return bytes.Count(g.API("GET", "/metrics", nil).Want(t, 200).Body, []byte("\ncaddy_webhooks_"))
	}
	sink.Wait(push(g, t, "plain", "1"))
	g.Post("/webhooks/unknown", nil, body).Want(t, 404)
	g.Post("/webhooks/plain", nil, body).Want(t, 401)
	gateway.Eventually(t, "the attempt is counted", func() bool {
		text := string(g.API("GET", "/metrics", nil).Want(t, 200).Body)
		return strings.Contains(text, `caddy_webhooks_requests_total{outcome="accepted"} 1`) &&
			strings.Contains(text, `caddy_webhooks_attempts_total{outcome="delivered",resource_type="ticket"} 1`)
	})
	before := series()
	for i := range 100 {
		g.Post(fmt.Sprint("/webhooks/stranger-", i), gateway.Headers("X-GitHub-Event", fmt.Sprint("event-", i)), body).Want(t, 404)
		accept(t, g.Post("/webhooks/plain", gateway.GitHub(secret, fmt.Sprint("event-", i), fmt.Sprint("m-", i), body), body))
	}
	if after := series(); after != before {
		t.Errorf("%d series before, %d after", before, after)
	}
}
