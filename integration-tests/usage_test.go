package integrationtests

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/hookgate/hookgate/integration-tests/gateway"
)

// usageOf returns a number from a project's usage.
func usageOf(t *testing.T, g *gateway.Gateway, project, name string) float64 {
	t.Helper()
	usage, _ := g.API("GET", gateway.Integrations(project), nil).Want(t, 200).JSON(t)["usage"].(gateway.M)
	number, ok := usage[name].(float64)
	if !ok {
		t.Fatalf("the usage has no number %s: %v", name, usage)
	}
	return number
}

// TestProjectIntegrations fills a project's share of stored integrations:
// anything beyond it is refused, whoever asks, and other projects are not
// affected. It survives a crash.
func TestProjectIntegrations(t *testing.T) {
	t.Parallel()
	sink := gateway.NewSink(t)
	config := func(limits string) string {
		return gateway.Config("limits {\n"+limits+"\n}\n"+gateway.Ticket(sink)+of("one", "declared"), gateway.Edge)
	}
	g := gateway.Start(t, config("project_integrations 10"))
	refused := func(answer *gateway.Answer, limit string) {
		t.Helper()
		if answer.Want(t, 409); !strings.Contains(answer.Text(t, "error"), limit) {
			t.Errorf("the limit is not named: %s", answer.Body)
		}
	}
	var wg sync.WaitGroup
	var made atomic.Int64
	for i := range 30 {
		wg.Go(func() {
			if g.API("POST", gateway.Integrations("one"), github(fmt.Sprint("one-", i))).Status == 201 {
				made.Add(1)
			}
		})
	}
	wg.Wait()
	if made.Load() != 10 || usageOf(t, g, "one", "integrations") != 10 {
		t.Errorf("%d were made, %v are counted", made.Load(), usageOf(t, g, "one", "integrations"))
	}
	refused(g.API("POST", gateway.Integrations("one"), github("more")), "project_integrations")
	g.API("POST", gateway.Integrations("two"), github("other")).Want(t, 201)
	for i := range 30 {
		if answer := g.API("DELETE", gateway.Integration("one", fmt.Sprint("one-", i)), nil); answer.Status != 204 {
			answer.Want(t, 404)
		}
	}
	if usageOf(t, g, "one", "integrations") != 0 || usageOf(t, g, "one", "reserved_ids") != 10 {
		t.Error("a deletion does not leave the ID reserved")
	}
	refused(g.API("POST", gateway.Integrations("one"), github("more")), "project_integrations")
	before := usageOf(t, g, "one", "bytes")

	g.Kill()
	g.Start()
	if usageOf(t, g, "one", "reserved_ids") != 10 || usageOf(t, g, "one", "bytes") != before {
		t.Error("a crash changes what is counted")
	}
	refused(g.API("POST", gateway.Integrations("one"), github("more")), "project_integrations")
	if status(t, g, "store", "integrations") != 1 || status(t, g, "store", "reserved_ids") != 10 {
		t.Errorf("the status counts %v and %v", status(t, g, "store", "integrations"), status(t, g, "store", "reserved_ids"))
	}
	g.Reload(config("project_integration_bytes 2KiB"))
	g.API("POST", gateway.Integrations("one"), github("more")).Want(t, 201)
	large := github("large")
	large["event_filter"] = strings.Split(strings.Repeat(strings.Repeat("e", 100)+",", 30), ",")[:30]
	refused(g.API("POST", gateway.Integrations("one"), large), "project_integration_bytes")
	g.API("PATCH", gateway.Integration("one", "more"), gateway.M{"alias": "a change"}).Want(t, 200)
	sink.Wait(push(g, t, "more", "1"))
	tag := g.API("GET", gateway.Integration("one", "more"), nil).Want(t, 200).Header.Get("ETag")
	push(g, t, "more", "2")
	if again := g.API("GET", gateway.Integration("one", "more"), nil).Want(t, 200).Header.Get("ETag"); again != tag {
		t.Errorf("an event changes the ETag from %s to %s", tag, again)
	}
}
