package integrationtests

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/integration-tests/gateway"
)

// TestCommand manages integrations and events from a shell.
func TestCommand(t *testing.T) {
	t.Parallel()
	sink := gateway.NewSink(t)
	sink.AnswerStatus(http.StatusBadRequest)
	g := gateway.Start(t, kept(sink, declared("plain")))
	file := filepath.Join(g.Dir, "hook.json")
	text, err := json.Marshal(github("hook", "alias", "from a file"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	want := func(out string, words ...string) {
		t.Helper()
		for _, word := range words {
			if !strings.Contains(out, word) {
				t.Errorf("no %q in\n%s", word, out)
			}
		}
		if strings.Contains(out, secret) {
			t.Errorf("a secret is shown:\n%s", out)
		}
	}
	want(webhooks(t, g, "status"), "store", "ok", "trigger ticket", "closed")
	want(webhooks(t, g, "integrations", "create", demo, file), "created hook", "/webhooks/hook")
	want(webhooks(t, g, "integrations", "list"), "from a file", "plain", "config", "api")
	want(webhooks(t, g, "integrations", "list", demo, "--json"), `"webhook_id": "hook"`)
	if err := os.WriteFile(file, []byte(`{"alias": "changed"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	want(webhooks(t, g, "integrations", "update", demo, "hook", file), "changed hook")
	want(webhooks(t, g, "integrations", "get", demo, "hook"), `"alias": "changed"`, "********")

	want(webhooks(t, g, "test", demo, "plain"), `202 {"status":"accepted","id":`)

	id := push(g, t, "hook", "1")
	g.WaitStatus(t, demo, "hook", id, "failed")
	want(webhooks(t, g, "events", "list", demo, "hook", "--status", "failed"), id, "push", "status 400")
	want(webhooks(t, g, "events", "get", demo, "hook", id), `"X-Github-Event"`)
	want(webhooks(t, g, "events", "get", demo, "hook", id, "--body"), string(body))
	sink.Answer(nil)
	want(webhooks(t, g, "replay", demo, "hook", "--from", "1h", "--dry-run"), "1 selected, 0 of them")
	want(webhooks(t, g, "replay", demo, "hook", "--from", "1h"), "1 selected, 1 replayed, 0 skipped")
	want(webhooks(t, g, "replay", demo, "hook", "--all", "--json"), `"skipped": 1`)

	fails := func(want string, args ...string) {
		t.Helper()
		if out, err := tryWebhooks(g, args...); err == nil || !strings.Contains(out, want) {
			t.Errorf("%v: %v, want %q\n%s", args, err, want, out)
		}
	}
	fails("404", "integrations", "get", demo, "nobody")
	fails("409", "integrations", "delete", demo, "plain")
	want(webhooks(t, g, "integrations", "delete", demo, "hook", "--force"), "deleted hook")
	fails("404", "events", "list", demo, "hook")
	g.Stop()
	fails("is the server running", "status")
}

// TestCommandOverSocket finds an admin endpoint that is configured as a Unix
// socket.
func TestCommandOverSocket(t *testing.T) {
	t.Parallel()
	config := strings.Replace(kept(gateway.NewSink(t), ""), "admin {$ADMIN}", "admin unix//{$DIR}/admin.sock|0600", 1)
	g := gateway.New(t, config)
	run := make(chan struct{})
	go func() {
		defer close(run)
		g.Command("run", "--config", filepath.Join(g.Dir, "Caddyfile"))
	}()
	gateway.Eventually(t, "the status is shown", func() bool {
		out, err := tryWebhooks(g, "status")
		return err == nil && strings.Contains(out, "ok")
	})
	if out, err := g.Command("stop", "--address", "unix/"+filepath.Join(g.Dir, "admin.sock")); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	<-run
}
