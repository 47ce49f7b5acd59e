package integrationtests

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/integration-tests/gateway"
)

// trickyPaths are spellings of a path that a rule about paths might interpret
// differently from the handler. All but the last few are refused by the admin
// API itself; Caddy's router may redirect those first.
var trickyPaths = []string{
	"/webhooks/projects/demo/integrations/gh%2Fevents",
	"/webhooks/projects/demo%2Fintegrations",
	"/webhooks/projects/demo/integrations/%2e%2e",
	"/webhooks/projects/demo/integrations/%2E%2e/%2e%2E/other/integrations",
	"/webhooks/projects/demo/%2e%2e/other/integrations",
	"/webhooks/projects/demo%5Cother/integrations",
	"/webhooks/projects/%64emo/%2E/integrations",
	"/webhooks/projects/demo/integrations/gh%5C",
	"/webhooks/projects/demo/integrations/g%2eh",
	"/webhooks/projects/demo/integrations/gh/",
	"/webhooks/projects/demo/integrations/",
	"/webhooks/projects/d%20emo/integrations",
	"/webhooks/projects/-demo/integrations",
	"/webhooks/projects/" + strings.Repeat("a", 129) + "/integrations",
	"/webhooks/projects/demo/integrations/g%C3%A4",
	"/webhooks/projects/demo/integrations/gh%00",
	"/webhooks/projects/demo/integrations/gh/events/not-an-event-id",
	"/webhooks/projects/demo//integrations",
	"/webhooks//projects/demo/integrations",
	"/webhooks/projects/demo/../other/integrations",
	"/webhooks/projects/./demo/integrations",
}

func TestAdminPaths(t *testing.T) {
	t.Parallel()
	g, _ := admin(t, declared("gh"))
	get := func(method, target string) *gateway.Answer { return g.Raw(g.Admin, method+" "+target+" HTTP/1.1", "") }
	for _, target := range trickyPaths {
		for _, method := range []string{"GET", "DELETE"} {
			answer := get(method, target)
			redirected := answer.Status >= 300 && answer.Status < 400 &&
				(strings.Contains(target, "//") || strings.Contains(target, "/./") || strings.Contains(target, "/../"))
			if !redirected && answer.Status != http.StatusBadRequest {
				t.Errorf("%s %s: status %d, want 400: %s", method, target, answer.Status, answer.Body)
			}
		}
	}
	get("GET", "/webhooks/projects/demo/integrations/gh").Want(t, 200)
	get("GET", "/webhooks/projects/%64emo/integrations/g%68").Want(t, 200)

	for _, target := range []string{
		"/webhooks/nothing", "/webhooks/projects", "/webhooks/projects/demo", "/webhooks/projects/demo/nothing",
		"/webhooks/projects/demo/integrations/gh/nothing", "/webhooks/projects/demo/integrations/unknown",
		"/webhooks/projects/demo/integrations/gh/events/" + strings.Repeat("0", 26) + "/nothing",
		"/webhooks/status/more", "/webhooks/integrations/gh",
	} {
		refused(t, get("GET", target), 404)
	}
	for target, methods := range map[string]string{
		"/webhooks/projects/demo/integrations":           "PUT PATCH DELETE",
		"/webhooks/projects/demo/integrations/gh":        "POST",
		"/webhooks/projects/demo/integrations/gh/events": "POST PUT PATCH DELETE",
		"/webhooks/integrations":                         "POST PUT PATCH DELETE",
		"/webhooks/status":                               "POST PUT PATCH DELETE",
	} {
		for method := range strings.FieldsSeq(methods) {
			answer := get(method, target)
			refused(t, answer, 405)
			if allow := answer.Header.Get("Allow"); !strings.Contains(allow, "GET") || strings.Contains(allow, method) {
				t.Errorf("%s %s: Allow is %q", method, target, allow)
			}
		}
	}
}

func TestAdminBodies(t *testing.T) {
	t.Parallel()
	g, _ := admin(t, "")
	path := gateway.Integration(demo, "gh")
	for _, kind := range []string{"text/plain", "application/x-www-form-urlencoded", "application/jsonp", "x"} {
		refused(t, g.API("POST", gateway.Integrations(demo), github("gh"), "Content-Type", kind), 415)
		refused(t, g.API("PUT", path, github("gh"), "Content-Type", kind), 415)
	}
	refused(t, g.Raw(g.Admin, "POST "+gateway.Integrations(demo)+" HTTP/1.1\nContent-Length: 2", "{}"), 415)
	g.API("PUT", path, github("gh"), "Content-Type", "application/json; charset=utf-8").Want(t, 201)
	refused(t, g.API("PATCH", path, gateway.M{"alias": "x"}, "Content-Type", "text/plain"), 415)
	refused(t, g.API("POST", gateway.Integrations(demo), `{"alias":"`+strings.Repeat("x", 1<<20)+`"}`), 413)
	refused(t, g.API("PATCH", path, `{"alias":"`+strings.Repeat("x", 1<<20)+`"}`), 413)
	refused(t, g.Raw(g.Admin, fmt.Sprintf("POST %s HTTP/1.1\nContent-Type: application/json\nContent-Length: %d", gateway.Integrations(demo), 2<<20), ""), 413)
}

func TestAdminProjectsAreApart(t *testing.T) {
	t.Parallel()
	g, _ := admin(t, declared("declared"))
	g.Create(t, demo, github("own"))
	g.Create(t, "other", github("others"))
	g.Create(t, "other", github("others-2"))
	event := push(g, t, "others", "1")
	push(g, t, "others", "2")
	cursor := func(path string) string { return g.API("GET", path+"?limit=1", nil).Text(t, "next_cursor") }
	integrations, events := cursor(gateway.Integrations("other")), cursor(gateway.Integration("other", "others", "events"))

	for _, call := range []struct {
		method, path string
		body         any
		want         int
	}{
		{"GET", gateway.Integration(demo, "others"), nil, 404},
		{"PATCH", gateway.Integration(demo, "others"), gateway.M{"alias": "mine"}, 404},
		{"DELETE", gateway.Integration(demo, "others"), nil, 404},
		{"DELETE", gateway.Integration(demo, "others") + "?force=true", nil, 404},
		{"PUT", gateway.Integration(demo, "others"), github("others"), 409},
		{"POST", gateway.Integrations(demo), github("others"), 409},
		{"POST", gateway.Integrations("other"), github("declared"), 409},
		{"GET", gateway.Integration("other", "declared"), nil, 404},
		{"GET", gateway.Integration(demo, "others", "events"), nil, 404},
		{"GET", gateway.Integration(demo, "others", "events", event), nil, 404},
		{"GET", gateway.Integration(demo, "own", "events", event), nil, 404},
		{"GET", gateway.Integrations(demo) + "?cursor=" + integrations, nil, 404},
		{"GET", gateway.Integration(demo, "own", "events") + "?cursor=" + events, nil, 404},
	} {
		t.Run(call.method+" "+call.path, func(t *testing.T) { refused(t, g.API(call.method, call.path, call.body), call.want) })
	}
	if alias := g.API("GET", gateway.Integration("other", "others"), nil).JSON(t)["alias"]; alias != "" {
		t.Errorf("another project changed it to %v", alias)
	}
}

func TestAdminDeclared(t *testing.T) {
	t.Parallel()
	sink := gateway.NewSink(t)
	config := func(options string) string { return gateway.Config(options+gateway.Ticket(sink), gateway.Edge) }
	g := gateway.Start(t, config(declared("declared", `alias "from the file"`)))
	path := gateway.Integration(demo, "declared")
	got := g.API("GET", path, nil).Want(t, 200).JSON(t)
	if got["managed_by"] != "config" || got["alias"] != "from the file" || got["webhook_url"] != "/webhooks/declared" {
		t.Errorf("declared: %v", got)
	}
	if shown := got["authentication"].(gateway.M)["signature"].(gateway.M)["secrets"].([]any)[0].(string); !mask.MatchString(shown) {
		t.Errorf("a declared secret is shown as %q", shown)
	}
	refused(t, g.API("PATCH", path, gateway.M{"alias": "x"}), 409)
	refused(t, g.API("PUT", path, github("declared")), 409)
	refused(t, g.API("DELETE", path, nil), 409)
	refused(t, g.API("DELETE", path+"?force=true", nil), 409)
	refused(t, g.API("POST", gateway.Integrations(demo), github("declared")), 409)

	// An integration stored through the API is shadowed by a declaration, and is
	// back when the declaration is gone.
	event := push(g, t, "declared", "1")
	g.Create(t, demo, github("stored", "alias", "from the API"))
	g.Reload(config(declared("declared", `alias "from the file"`) + declared("stored", `alias "from the file"`)))
	got = g.API("GET", gateway.Integration(demo, "stored"), nil).Want(t, 200).JSON(t)
	if got["managed_by"] != "config" || got["alias"] != "from the file" {
		t.Errorf("a declaration does not win: %v", got)
	}
	if !strings.Contains(g.Logs(), "shadow") {
		t.Error("nothing warns of the shadowed integration")
	}
	g.Reload(config(declared("declared", `alias "again"`)))
	got = g.API("GET", gateway.Integration(demo, "stored"), nil).Want(t, 200).JSON(t)
	if got["managed_by"] != "api" || got["alias"] != "from the API" {
		t.Errorf("the shadowed one is not back: %v", got)
	}
	if items := list(t, g, path+"/events"); len(items) != 1 || items[0]["id"] != event {
		t.Errorf("a declared integration lost its events by a reload: %v", items)
	}
	g.Kill()
	g.Start()
	is(t, g.Post("/webhooks/declared", gateway.GitHub(secret, "push", "1", body), body), 200, `{"status":"duplicate","id":"`+event+`"}`)
}

// TestFetchOfNode: a client that sends fetch metadata, as that of Node.js does,
// has to send its origin, too.
func TestFetchOfNode(t *testing.T) {
	t.Parallel()
	g := gateway.Start(t, gateway.Config("", gateway.Edge))
	const fetch = "Sec-Fetch-Mode"
	path := gateway.Integrations(demo)
	g.API("GET", path, nil, fetch, "cors").Want(t, 403)
	g.API("GET", path, nil, fetch, "cors", "Origin", "http://"+g.Admin).Want(t, 200)
	form := `{"webhook_id":"fetched","authentication":{"bearer":{"tokens":["a-long-secret"]}}}`
	g.API("POST", path, form, fetch, "cors", "Origin", "http://"+g.Admin, "Content-Type", "text/plain").Want(t, 415)
	g.API("POST", path, form, fetch, "cors", "Origin", "http://"+g.Admin).Want(t, 201)
}
