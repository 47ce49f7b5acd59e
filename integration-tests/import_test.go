package integrationtests

import (
	"encoding/json"
	"errors"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/integration-tests/gateway"
	"github.com/hookgate/hookgate/internal/delivery/codemietest"
)

// TestImport imports the platform's webhooks, and sends one of them an event as
// its sender would.
func TestImport(t *testing.T) {
	t.Parallel()
	g, platform := codemie(t, "")
	server := httptest.NewServer(platform)
	t.Cleanup(server.Close)
	webhook := func(id string, values ...codemietest.Value) {
		platform.AddSetting(codemietest.Setting{Project: demo, Alias: "PR review", Type: "Webhook", Values: append([]codemietest.Value{
			{Key: "webhook_id", Value: id}, {Key: "is_enabled", Value: true},
			{Key: "resource_type", Value: "assistant"}, {Key: "resource_id", Value: "helper"},
		}, values...)})
	}
	signed := codemietest.Value{Key: "github_webhook_secret", Value: secret}
	for range 150 {
		platform.AddSetting(codemietest.Setting{Project: demo, Alias: "Git", Type: "Git"})
	}
	webhook("imported", signed, codemietest.Value{Key: "github_event_filter", Value: "push, pull_request"})
	webhook("assistant", signed)
	webhook("open")
	webhook("header", codemietest.Value{Key: "secure_header_name", Value: "X-Key"}, codemietest.Value{Key: "secure_header_value", Value: "k"})

	token := filepath.Join(g.Dir, "import-token")
	if err := os.WriteFile(token, []byte(platformToken), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) string {
		t.Helper()
		out, err := g.Command(append([]string{"webhooks", "import", "codemie", server.URL, "--token-file", token, "--address", g.Admin}, args...)...)
		status := 0
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			status = exit.ExitCode()
		}
		// With --apply something is refused in the end.
		if want := 2 * min(len(args), 1); status != want {
			t.Errorf("%v ended with status %d, want %d\n%s", args, status, want, out)
		}
		if strings.Contains(out, secret) || strings.Contains(out, platformToken) {
			t.Errorf("a secret is shown: %s", out)
		}
		return out
	}
	out := run()
	for _, want := range []string{
		"imported  demo     imported", "refused   demo     assistant   PR review  it is declared in the configuration",
		"refused   demo     open        PR review  the platform fails open", "the platform masks the value of the secure header",
		"1 would be imported, 0 unchanged, 3 refused",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("lacks %q:\n%s", want, out)
		}
	}
	g.API("GET", gateway.Integrations(demo)+"/imported", nil).Want(t, 404)

	run("--apply")
	read := g.API("GET", gateway.Integrations(demo)+"/imported", nil).Want(t, 200).JSON(t)
	text, _ := json.Marshal(read)
	for _, want := range []string{`"event_filter":["push","pull_request"]`, `"provider":"github"`, `"require_sha256_signature":true`, `"id":"helper"`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("lacks %s: %s", want, text)
		}
	}
	g.WaitStatus(t, demo, "imported", push(g, t, "imported", "1"), "delivered")
	if out := run("--apply"); !strings.Contains(out, "unchanged  demo     imported") {
		t.Errorf("%s", out)
	}

	// Nothing is overwritten without the flag.
	g.API("PATCH", gateway.Integrations(demo)+"/imported", gateway.M{"event_filter": []string{"push"}, "dedupe": "body"}).Want(t, 200)
	if out := run("--apply"); !strings.Contains(out, "differs in event_filter") {
		t.Errorf("%s", out)
	}
	run("--apply", "--overwrite")
	read = g.API("GET", gateway.Integrations(demo)+"/imported", nil).Want(t, 200).JSON(t)
	if text, _ := json.Marshal(read); !strings.Contains(string(text), `"event_filter":["push","pull_request"]`) || read["dedupe"] != "body" {
		t.Errorf("%s", text)
	}
	if out, err := g.Command("webhooks", "import", "codemie", server.URL, "--project", "search", "--token-file", token, "--address", g.Admin); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
