package integrationtests

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/integration-tests/gateway"
)

// An expression selects events, a shape determines what the trigger receives,
// and both can be changed while there are events.
func TestMatchAndPayload(t *testing.T) {
	t.Parallel()
	g, sink := admin(t, "")
	created := g.Create(t, demo, github("gh",
		"match", `payload.pull_request.base.ref == "main" && !payload.pull_request.draft`,
		"payload", gateway.M{"fields": gateway.M{"title": "pull_request.title", "author": "pull_request.user.login"}}))
	if created["match"] != `payload.pull_request.base.ref == "main" && !payload.pull_request.draft` {
		t.Errorf("match %v", created["match"])
	}
	send := func(delivery, base string) *gateway.Answer {
		body := []byte(`{"action":"opened","pull_request":{"title":"Fix {author}","draft":false,"user":{"login":"ann"},"base":{"ref":"` + base + `"}}}`)
		return g.Post("/webhooks/gh", gateway.GitHub(secret, "pull_request", delivery, body), body)
	}
	is(t, send("d-1", "next"), http.StatusOK, `{"status":"filtered","event":"pull_request"}`)
	first := accept(t, send("d-2", "main"))
	arrived := sink.Wait(first)
	if string(arrived.Body) != `{"author":"ann","title":"Fix {author}"}` || arrived.Header.Get("Content-Type") != "application/json" {
		t.Errorf("received %s as %s", arrived.Body, arrived.Header.Get("Content-Type"))
	}
	if stored := g.Event(t, demo, "gh", first)["body_base64"].(string); !strings.HasPrefix(stored, "eyJhY3Rpb24iOiJvcGVuZWQiLCJw") {
		t.Errorf("stored %s", stored)
	}

	// A replay receives the current shape, in which the sender's text is fenced.
	path := gateway.Integration(demo, "gh")
	g.API("PATCH", path, gateway.M{"payload": gateway.M{"template": "Review {title}", "max_bytes": 5}}).Want(t, http.StatusOK)
	again := sink.Wait(replay(t, g, "gh", first))
	if !regexp.MustCompile(`^Review <(untrusted-[0-9a-f]{16})>Fix \{… \[cut: 5 of 12 bytes\]</untrusted-[0-9a-f]{16}>$`).Match(again.Body) {
		t.Errorf("received %s", again.Body)
	}

	// An event that cannot be shaped fails for good, but is not lost: without the
	// shape it is sent as it was received.
	g.API("PATCH", path, gateway.M{"match": nil}).Want(t, http.StatusOK)
	text := []byte("no JSON")
	broken := accept(t, g.Post("/webhooks/gh", gateway.GitHub(secret, "push", "d-3", text), text))
	g.WaitStatus(t, demo, "gh", broken, "failed")
	g.API("PATCH", path, gateway.M{"payload": nil}).Want(t, http.StatusOK)
	if whole := sink.Wait(replay(t, g, "gh", broken)); string(whole.Body) != "no JSON" {
		t.Errorf("received %s", whole.Body)
	}

	proposed := g.API("POST", gateway.Integration(demo, "gh", "events", "match"), gateway.M{"match": `payload.action == "opened"`}).
		Want(t, http.StatusOK).JSON(t)
	if proposed["scanned"] != 4.0 || proposed["matched"] != 2.0 {
		t.Errorf("proposed %v", proposed)
	}
	refused := g.API("PATCH", path, gateway.M{"match": "payload.action = 1"}).Want(t, http.StatusBadRequest)
	if !strings.Contains(string(refused.Body), "match: line 1, column ") {
		t.Errorf("refused %s", refused.Body)
	}
}
