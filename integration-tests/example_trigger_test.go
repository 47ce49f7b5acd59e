package integrationtests

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/integration-tests/gateway"
)

// TestExampleTrigger runs the trigger of docs/example-trigger, built in as a third
// party builds in its own, in the example's configuration.
func TestExampleTrigger(t *testing.T) {
	t.Parallel()
	config, err := os.ReadFile(filepath.Join(gateway.Root(t), "docs", "example-trigger", "Caddyfile"))
	if err != nil {
		t.Fatal(err)
	}
	sink := gateway.NewSink(t)
	g := gateway.NewOf(t, gateway.ExampleBinary(t), strings.Replace(string(config), "{\n", "{\nadmin {$ADMIN}\n", 1),
		"DESK_URL="+sink.URL, "DESK_TOKEN=canary-token", "GITHUB_SECRET="+secret)
	out, err := g.Command("list-modules")
	if err != nil || !slices.Contains(strings.Fields(out), "webhooks.triggers.desk") {
		t.Fatalf("the binary lacks the trigger: %v\n%s", err, out)
	}
	g.Start()
	event := push(g, t, "tickets", "d-1")
	var got gateway.Delivery
	gateway.Eventually(t, "the ticket is opened", func() bool {
		for _, d := range sink.Deliveries() {
			if d.Header.Get("Idempotency-Key") == event {
				got = d
			}
		}
		return got.Body != nil
	})
	var ticket struct{ Queue, Title, Text string }
	if err := json.Unmarshal(got.Body, &ticket); err != nil {
		t.Fatal(err)
	}
	if got.URI != "/queues/support-1" || got.Header.Get("Authorization") != "Bearer canary-token" ||
		ticket.Queue != "support-1" || ticket.Title != "Support: push" || ticket.Text != string(body) {
		t.Errorf("%s %v %+v", got.URI, got.Header, ticket)
	}
	if strings.Contains(g.Logs(), "canary-token") {
		t.Error("the log holds the token")
	}

	// Its limits hold for integrations of any other project or resource.
	for project, resource := range map[string]string{"other": "support-1", "demo": "billing-1"} {
		foreign := github("refused-"+project, "resource", gateway.M{"type": "desk", "id": resource})
		refused(t, g.API("POST", gateway.Integrations(project), foreign), 400, "may not start")
	}
}
