package integrationtests

import (
	"net/http"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/integration-tests/gateway"
)

// asanaSecret and notionToken are chosen by the senders.
const (
	asanaSecret = "b537207f20cbfa02357cf448134da559e8bd39d61597dcd5631b8012eae53e81"
	notionToken = "secret_tMrlL1qK5vuQAh1b6cZGhFChZTSYJlce98V0pYn7yBl"
)

// TestAsanaBringsItsSecret goes from an integration without a secret to a
// signed event, with a crash after each answered step.
func TestAsanaBringsItsSecret(t *testing.T) {
	t.Parallel()
	sink := gateway.NewSink(t)
	// As in the examples, the site's log contains no request headers.
	const logged = "\tlog {\n\t\tformat filter {\n\t\t\trequest>headers delete\n\t\t}\n\t}\n"
	g := gateway.Start(t, gateway.Config(gateway.Ticket(sink), logged+gateway.Edge))
	created := g.Create(t, demo, gateway.M{
		"webhook_id":     "asana",
		"authentication": gateway.M{"signature": gateway.M{"provider": "asana"}},
		"resource":       gateway.M{"type": "ticket", "id": "T-1"},
	})
	if list := created["authentication"].(gateway.M)["signature"].(gateway.M)["secrets"].([]any); len(list) != 0 {
		t.Errorf("there are secrets: %v", list)
	}
	at := gateway.Integration(demo, "asana", "handshake")
	shake := func(secret string) *gateway.Answer {
		return g.Post("/webhooks/asana", gateway.Headers("X-Hook-Secret", secret), nil)
	}
	crash := func() {
		g.Kill()
		g.Start()
	}
	event := []byte(`{"events":[{"action":"changed","resource":{"gid":"1","resource_type":"task"}}]}`)
	signed := gateway.Headers("X-Hook-Signature", strings.TrimPrefix(gateway.SHA256(asanaSecret, event), "sha256="), "Content-Type", "application/json")

	problem(t, shake(asanaSecret), http.StatusUnauthorized) // the window is not open
	problem(t, g.Post("/webhooks/asana", signed, event), http.StatusUnauthorized)
	if state := g.API("POST", at, nil).Want(t, http.StatusCreated).Text(t, "state"); state != "open" {
		t.Errorf("state %s", state)
	}
	crash()
	if got := shake(asanaSecret).Want(t, http.StatusOK).Header.Get("X-Hook-Secret"); got != asanaSecret {
		t.Errorf("answered with %q", got)
	}
	crash()
	shake(asanaSecret).Want(t, http.StatusOK) // repeated, as a sender may
	problem(t, shake("another"+asanaSecret), http.StatusUnauthorized)
	problem(t, g.Post("/webhooks/asana", signed, event), http.StatusUnauthorized)

	seen := g.API("GET", at, nil).Want(t, http.StatusOK)
	learned, _ := seen.JSON(t)["learned"].(gateway.M)
	if seen.Text(t, "state") != "learned" || learned["client_ip"] != "127.0.0.1" || seen.JSON(t)["refused"] == nil {
		t.Fatalf("%s", seen.Body)
	}
	g.API("POST", at+"/confirm", gateway.M{"fingerprint": "00000000"}).Want(t, http.StatusConflict)
	g.API("POST", at+"/confirm", gateway.M{"fingerprint": learned["fingerprint"]}, "If-Match", created["webhook_id"].(string)).Want(t, http.StatusPreconditionFailed)
	confirmed := g.API("POST", at+"/confirm", gateway.M{"fingerprint": learned["fingerprint"]}, "If-Match", seen.Header.Get("ETag")).Want(t, http.StatusOK)
	crash()
	answer := g.Post("/webhooks/asana", signed, event).Want(t, http.StatusOK)
	if d := sink.Wait(answer.Text(t, "id")); string(d.Body) != string(event) {
		t.Errorf("the sink got %s", d.Body)
	}
	problem(t, shake(asanaSecret), http.StatusUnauthorized) // the window is closed

	logs := g.Logs()
	for _, text := range []string{logs, string(seen.Body), string(confirmed.Body)} {
		if strings.Contains(text, asanaSecret) {
			t.Error("the secret is shown")
		}
	}
	for _, line := range []string{`"resp_headers"`, "the window for a sender's secret is open", `"secret_learned":true`, "a sender's secret is confirmed", `"reason":"secret_refused"`} {
		if !strings.Contains(logs, line) {
			t.Errorf("the log does not say %q", line)
		}
	}
}

// TestNotionBringsItsSecret reveals it to the person at the shell, who has to
// paste it into Notion's own page.
func TestNotionBringsItsSecret(t *testing.T) {
	t.Parallel()
	g, sink := edge(t, "")
	g.Create(t, demo, gateway.M{
		"webhook_id":     "notion",
		"authentication": gateway.M{"signature": gateway.M{"provider": "notion"}},
		"resource":       gateway.M{"type": "ticket", "id": "T-1"},
	})
	type result struct {
		out string
		err error
	}
	printed := make(chan result, 1)
	go func() {
		out, err := g.Command("webhooks", "handshake", "open", demo, "notion", "--reveal", "--address", g.Admin)
		printed <- result{out, err}
	}()
	brought := []byte(`{"verification_token":"` + notionToken + `"}`)
	gateway.Eventually(t, "the window is open", func() bool {
		return g.Post("/webhooks/notion", gateway.Headers("Content-Type", "application/json"), brought).Status == http.StatusOK
	})
	shown := <-printed
	if shown.err != nil || !strings.Contains(shown.out, "the secret is "+notionToken+"\n") {
		t.Fatalf("%v: %s", shown.err, shown.out)
	}
	seen := g.API("GET", gateway.Integration(demo, "notion", "handshake"), nil).Want(t, http.StatusOK)
	fingerprint := seen.JSON(t)["learned"].(gateway.M)["fingerprint"].(string)
	if !strings.Contains(shown.out, "learned "+fingerprint) || strings.Contains(string(seen.Body), notionToken) {
		t.Errorf("%s\n%s", shown.out, seen.Body)
	}
	if out := webhooks(t, g, "handshake", "confirm", demo, "notion", fingerprint); !strings.Contains(out, "confirmed") {
		t.Errorf("%s", out)
	}
	event := []byte(`{"id":"e-1","type":"page.created"}`)
	header := gateway.Headers("X-Notion-Signature", gateway.SHA256(notionToken, event), "Content-Type", "application/json")
	sink.Wait(accept(t, g.Post("/webhooks/notion", header, event)))
	if strings.Contains(g.Logs(), notionToken) {
		t.Error("the log holds the secret")
	}
}

// A declared integration learns nothing, and says why.
func TestDeclaredLearnsNothing(t *testing.T) {
	t.Parallel()
	const asana = "integration asana {\nproject demo\nsignature asana %s\nresource ticket T-1\n}\n"
	g, _ := edge(t, strings.Replace(asana, "%s", asanaSecret, 1))
	refused(t, g.API("POST", gateway.Integration(demo, "asana", "handshake"), nil), http.StatusConflict, "through the admin API")
	problem(t, g.Post("/webhooks/asana", gateway.Headers("X-Hook-Secret", "x"), nil), http.StatusUnauthorized)
	out, err := g.TryReload(gateway.Config(strings.Replace(asana, "%s", "", 1)+gateway.Ticket(gateway.NewSink(t)), gateway.Edge))
	if err == nil || !strings.Contains(out, "signature") {
		t.Errorf("a declaration without a secret: %v\n%s", err, out)
	}
}
