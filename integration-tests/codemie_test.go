package integrationtests

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/integration-tests/gateway"
	"github.com/hookgate/hookgate/internal/delivery/codemietest"
)

const platformToken = "the operator's token"

// codemie starts a gateway in front of a simulated platform that has an
// assistant, a workflow and a datasource.
func codemie(t *testing.T, options string) (*gateway.Gateway, *codemietest.Platform) {
	t.Helper()
	platform := codemietest.New(platformToken)
	platform.AddAssistant("helper", demo)
	platform.AddWorkflow("review", demo)
	platform.AddDatasource(codemietest.Datasource{ID: "docs", Project: demo, Name: "docs", Type: "knowledge_base_confluence"})
	platform.AddDatasource(codemietest.Datasource{ID: "files", Project: demo, Name: "files", Type: "knowledge_base_file"})
	platform.AddAssistant("foreign", "other")
	server := httptest.NewUnstartedServer(http.StripPrefix("/code-assistant-api", platform))
	server.Config.ConnContext = platform.ConnContext
	server.Start()
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })

	var integrations strings.Builder
	for id, resource := range map[string]string{
		"assistant": "assistant helper", "workflow": "workflow review", "datasource": "datasource docs",
		"files": "datasource files", "foreign": "assistant foreign", "unknown": "assistant nobody",
	} {
		fmt.Fprintf(&integrations, "integration %s {\nproject demo\nalias \"PR review\"\nsignature github %q\nresource %s\n}\n", id, secret, resource)
	}
	g := gateway.New(t, gateway.Config(soon+"trigger codemie "+server.URL+"/code-assistant-api {\ntoken {file.{$DIR}/token}\n"+options+"\n}\n"+integrations.String(), gateway.Edge))
	writeToken(t, g, platformToken)
	g.Start()
	return g, platform
}

func writeToken(t *testing.T, g *gateway.Gateway, token string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(g.Dir, "token"), []byte(token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestCodemieRuns(t *testing.T) {
	t.Parallel()
	g, platform := codemie(t, "")
	ends := func(id, delivery, status, code string) {
		t.Helper()
		record := g.WaitStatus(t, demo, id, push(g, t, id, delivery), status)
		made, _ := record["attempts"].([]any)
		if len(made) == 0 {
			t.Fatalf("%s: no attempt is recorded: %v", id, record)
		}
		got, _ := made[len(made)-1].(gateway.M)["error"].(string)
		if ok := got == code || strings.HasPrefix(got, code+":") || code == "any" && got != ""; !ok {
			t.Errorf("%s: the error is %q, want %q", id, got, code)
		}
	}
	ends("assistant", "1", "delivered", "")
	ends("workflow", "1", "delivered", "")
	ends("datasource", "1", "delivered", "")
	if platform.Runs() != 2 || platform.Reindexed("docs") != 1 {
		t.Errorf("%d runs, %d reindexed, want 2 and 1", platform.Runs(), platform.Reindexed("docs"))
	}
	named := false
	for _, chat := range platform.Conversations() {
		named = named || chat.Name == "Webhook: PR review · push" && len(chat.Messages) > 0 && strings.Contains(chat.Messages[0].Text, `"number":7`)
	}
	if !named {
		t.Errorf("no chat shows the event: %v", platform.Conversations())
	}
	ends("files", "1", "failed", "resource_invalid")
	ends("foreign", "1", "failed", "resource_not_allowed")
	ends("unknown", "1", "failed", "resource_not_found")
	if platform.Runs() != 2 {
		t.Error("a refused resource was run")
	}
	platform.SetFailing(true)
	ends("assistant", "2", "failed", "run_failed")
	ends("workflow", "2", "failed", "run_failed")
	ends("datasource", "2", "failed", "run_failed")
	platform.SetFailing(false)
	platform.SetSilent(true)
	ends("datasource", "3", "failed", "any")
	platform.SetSilent(false)

	// The platform calls most failures of an assistant completed.
	platform.SetOutput("The LLM request timed out. Please try again.", codemietest.Usage{Input: 900, Output: 7, Cost: 0.02})
	ends("assistant", "3", "failed", "run_failed")
	platform.SetOutput("Please call the help desk.", codemietest.Usage{})
	ends("assistant", "4", "failed", "run_failed")
	platform.SetOutput("Reviewed.", codemietest.Usage{Input: 900, Output: 7, Cost: 0.02})
	record := g.WaitStatus(t, demo, "assistant", push(g, t, "assistant", "5"), "delivered")
	used, _ := record["run"].(gateway.M)["usage"].(gateway.M)
	if used["input_tokens"] != 900.0 || used["output_tokens"] != 7.0 || used["cost"] != 0.02 {
		t.Errorf("the run has used %v", used)
	}

	ids := map[string]bool{}
	for _, request := range platform.Requests() {
		if id := request.Header.Get("X-Request-Id"); id == "" || ids[id] {
			t.Errorf("X-Request-ID %q is missing or not unique", id)
		} else {
			ids[id] = true
		}
		for name := range request.Header {
			if strings.HasPrefix(name, "X-Github") || strings.HasPrefix(name, "X-Hub") {
				t.Errorf("the platform got %s", name)
			}
		}
	}
}

// TestCodemieStartsOnce breaks the connection after a start was sent: it is not
// repeated, however often the process is restarted.
func TestCodemieStartsOnce(t *testing.T) {
	t.Parallel()
	g, platform := codemie(t, "")
	const start = "POST /v1/workflows/{id}/executions"
	platform.Inject(codemietest.Fault{Route: start, Times: 1, Answer: codemietest.Drop})
	id := push(g, t, "workflow", "1")
	record := g.WaitStatus(t, demo, "workflow", id, "failed")
	made := record["attempts"].([]any)
	if got := made[len(made)-1].(gateway.M)["error"].(string); !strings.HasPrefix(got, "start_unknown") {
		t.Errorf("the error is %q", got)
	}
	g.Kill()
	g.Start()
	id = push(g, t, "workflow", "2")
	g.WaitStatus(t, demo, "workflow", id, "delivered")
	if n := platform.Count(start); n != 2 {
		t.Errorf("%d starts were sent, want one for each event", n)
	}

	// An assistant's run is shown only when it is over.
	platform.SetLooks(1 << 30)
	platform.Inject(codemietest.Fault{Route: "POST /v1/assistants/{id}/model", Times: 1, Applied: true, Answer: codemietest.Drop})
	id = push(g, t, "assistant", "2")
	gateway.Eventually(t, "the chat was looked at after the start", func() bool { return lastRoute(platform) == "GET /v1/conversations/{id}" })
	g.Kill()
	g.Start()
	platform.Conclude()
	g.WaitStatus(t, demo, "assistant", id, "delivered")
	if n := platform.Count("POST /v1/assistants/{id}/model"); n != 1 {
		t.Errorf("the assistant was started %d times", n)
	}

	// A crash during the run: it is followed, not started again.
	platform.SetLooks(1 << 30)
	const look = "GET /v1/workflows/{id}/executions/{execution}"
	before := platform.Count(look)
	id = push(g, t, "workflow", "3")
	gateway.Eventually(t, "the run has been looked at", func() bool { return platform.Count(look) > before })
	g.Kill()
	g.Start()
	platform.SetLooks(0)
	g.WaitStatus(t, demo, "workflow", id, "delivered")
	if n := platform.Count(start); n != 3 {
		t.Errorf("%d starts were sent, want one for each event", n)
	}
	for _, request := range platform.Requests() {
		if request.Method == "POST" && request.Reused {
			t.Errorf("%s went out on a connection that had been used", request.Route)
		}
	}
}

// TestCodemieAway makes the platform's database unavailable for a while: it
// then does not find what exists.
func TestCodemieAway(t *testing.T) {
	t.Parallel()
	g, platform := codemie(t, "")
	platform.SetLooks(1 << 30)
	followed := push(g, t, "assistant", "1")
	gateway.Eventually(t, "the run has been looked at", func() bool { return platform.Count("GET /v1/tasks/{id}") > 0 })
	pending := g.Event(t, demo, "assistant", followed)
	if run, _ := pending["run"].(gateway.M); pending["status"] != "pending" || run["state"] != "STARTED" || run["until"] == nil {
		t.Errorf("the event that waits shows %v", pending)
	}
	platform.SetAway(true)
	fresh := push(g, t, "workflow", "2")
	const asked = "GET /v1/workflows/id/{id}"
	gateway.Eventually(t, "the platform was asked for the workflow several times", func() bool { return platform.Count(asked) > 2 })
	platform.SetAway(false)
	platform.SetLooks(0)
	g.WaitStatus(t, demo, "assistant", followed, "delivered")
	g.WaitStatus(t, demo, "workflow", fresh, "delivered")
	if platform.Runs() != 2 {
		t.Errorf("%d runs", platform.Runs())
	}
}

// TestCodemieReindexes reindexes a datasource once while it is being indexed,
// however many events arrive meanwhile.
func TestCodemieReindexes(t *testing.T) {
	t.Parallel()
	g, platform := codemie(t, "")
	platform.SetLooks(1 << 30)
	events := []string{push(g, t, "datasource", "1")}
	gateway.Eventually(t, "the datasource is being indexed", func() bool { return platform.Reindexed("docs") == 1 })
	for _, delivery := range []string{"2", "3", "4"} {
		events = append(events, push(g, t, "datasource", delivery))
	}
	const asked = "GET /v1/index/{id}"
	before := platform.Count(asked)
	gateway.Eventually(t, "the others wait", func() bool { return platform.Count(asked) > before+6 })
	platform.SetLooks(3)
	for _, id := range events {
		g.WaitStatus(t, demo, "datasource", id, "delivered")
	}
	if platform.Reindexed("docs") != 2 || platform.AtOnce("docs") != 1 {
		t.Errorf("%d reindexes, %d at once", platform.Reindexed("docs"), platform.AtOnce("docs"))
	}
}

// lastRoute is the route of the last request once an assistant was started.
func lastRoute(platform *codemietest.Platform) string {
	if platform.Count("POST /v1/assistants/{id}/model") == 0 {
		return ""
	}
	requests := platform.Requests()
	return requests[len(requests)-1].Route
}

func TestCodemieToken(t *testing.T) {
	t.Parallel()
	g, platform := codemie(t, "")
	g.WaitStatus(t, demo, "datasource", push(g, t, "datasource", "1"), "delivered")
	platform.AddDatasource(codemietest.Datasource{ID: "docs", Project: demo, Name: "docs", Type: "knowledge_base_confluence"})
	platform.SetToken("rotated")
	writeToken(t, g, "rotated")
	g.WaitStatus(t, demo, "datasource", push(g, t, "datasource", "2"), "delivered")
	platform.SetToken("unknown to the operator")
	id := push(g, t, "datasource", "3")
	gateway.Eventually(t, "the circuit is open", func() bool { return circuitsOf(t, g, "datasource").Projects == 1 })
	platform.AddDatasource(codemietest.Datasource{ID: "docs", Project: demo, Name: "docs", Type: "knowledge_base_confluence"})
	platform.SetToken("rotated")
	g.WaitStatus(t, demo, "datasource", id, "delivered")
}

// TestCodemieProjects restricts the trigger by project: what no glob allows is
// refused when it is saved.
func TestCodemieProjects(t *testing.T) {
	t.Parallel()
	platform := codemietest.New(platformToken)
	platform.AddAssistant("team-helper", demo)
	server := httptest.NewServer(platform)
	t.Cleanup(server.Close)
	g := gateway.Start(t, gateway.Config(soon+"trigger codemie "+server.URL+" {\nproject demo {\ntoken {env.TOKEN}\nresources team-*\n}\n}\n", gateway.Edge), "TOKEN="+platformToken)
	integration := func(id, resource string) gateway.M {
		return github(id, "resource", gateway.M{"type": "assistant", "id": resource})
	}
	refused(t, g.API("POST", gateway.Integrations(demo), integration("a", "other-helper")), 400, "resource")
	refused(t, g.API("POST", gateway.Integrations("other"), integration("b", "team-helper")), 400, "resource")
	g.Create(t, demo, integration("c", "team-helper"))
	g.WaitStatus(t, demo, "c", push(g, t, "c", "1"), "delivered")
}
