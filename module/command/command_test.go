package command

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	_ "github.com/hookgate/hookgate/module/storage/badger"
)

// run runs the command and returns what it printed.
func run(t *testing.T, stdin string, args ...string) (string, error) {
	t.Helper()
	cmd := new(cobra.Command)
	complete(cmd)
	var out bytes.Buffer
	cmd.SetOut(&out)
	cmd.SetErr(io.Discard)
	cmd.SetIn(strings.NewReader(stdin))
	cmd.SetArgs(args)
	err := cmd.Execute()
	return out.String(), err
}

// api answers as the admin API does, and notes what it was asked.
type api struct {
	*httptest.Server
	asked  string // method, target, content type, body
	status int
	answer string
}

func newAPI(t *testing.T) *api {
	t.Helper()
	a := &api{status: 200}
	a.Server = httptest.NewServer(a)
	t.Cleanup(a.Close)
	return a
}

// ServeHTTP implements http.Handler.
func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	a.asked = strings.TrimSpace(fmt.Sprintf("%s %s %s %s", r.Method, r.URL.RequestURI(), r.Header.Get("Content-Type"), body))
	w.WriteHeader(a.status)
	fmt.Fprint(w, a.answer)
}

func (a *api) address() string { return a.Listener.Addr().String() }

func TestCalls(t *testing.T) {
	file := filepath.Join(t.TempDir(), "integration.json")
	if err := os.WriteFile(file, []byte(`{"alias":"from a file"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	const (
		one  = `{"webhook_id":"hook","project":"demo","is_enabled":true,"webhook_url":"/webhooks/hook"}`
		list = `{"items":[` + one + `],"next_cursor":""}`
	)
	event := `{"id":"E1","event":"push\u001b[2J","status":"pending","held":true,"attempts":[{"status_code":500,"error":"status","detail":"d"}],"delivery_id":"D1","resource":{"type":"ticket","id":"7"},"body_base64":"aGVsbG8="}`
	for _, c := range []struct {
		args, stdin, asked, answer, prints string
	}{
		{"status", "", "GET /webhooks/status", `{"store":{"state":"ok","size_bytes":2048,"keys":[{"id":"k1","state":"present"}]},"events":{"pending":3,"oldest_pending_seconds":61},"triggers":[{"resource_type":"ticket","state":"closed"}]}`, "ok, 2.0 KiB, 0 B free\n"},
		{"status", "", "GET /webhooks/status", `{"events":{"pending":3,"oldest_pending_seconds":61}}`, "3, the oldest for 1m1s"},
		{"integrations list", "", "GET /webhooks/integrations?limit=500", list, "demo     hook        yes      -"},
		{"integrations list demo", "", "GET /webhooks/projects/demo/integrations?limit=500", strings.Replace(list, `"is_enabled"`, `"resource":{"type":"ticket","id":"7"},"is_enabled"`, 1), "yes      ticket 7\n"},
		{"integrations list demo", "", "GET /webhooks/projects/demo/integrations?limit=500", strings.Replace(list, `"is_enabled"`, `"resource":[{"type":"ticket","id":"7"},{"type":"assistant","id":"8"}],"is_enabled"`, 1), "yes      ticket 7, assistant 8\n"},
		{"integrations create demo", "{}", "POST /webhooks/projects/demo/integrations application/json {}", strings.Replace(one, "}", `,"warnings":[{"field":"resource","message":"there is none"}]}`, 1), "warning: resource: there is none\n"},
		{"integrations list demo --limit 7 --json", "", "GET /webhooks/projects/demo/integrations?limit=7", list, `"webhook_id": "hook"`},
		{"integrations get demo hook", "", "GET /webhooks/projects/demo/integrations/hook", one, `"project": "demo"`},
		{"integrations get de/mo a%b", "", "GET /webhooks/projects/de%2Fmo/integrations/a%25b", one, ""},
		{"integrations create demo -", `{"a":1}`, `POST /webhooks/projects/demo/integrations application/json {"a":1}`, one, "created hook\n/webhooks/hook\n"},
		{"integrations create demo " + file, "", `POST /webhooks/projects/demo/integrations application/json {"alias":"from a file"}`, one, "created hook"},
		{"integrations update demo hook", `{"a":1}`, `PATCH /webhooks/projects/demo/integrations/hook application/merge-patch+json {"a":1}`, one, "changed hook\n"},
		{"integrations update demo hook --replace", `{"a":1}`, `PUT /webhooks/projects/demo/integrations/hook application/json {"a":1}`, one, "changed hook\n"},
		{"integrations delete demo hook", "", "DELETE /webhooks/projects/demo/integrations/hook", "", "deleted hook\n"},
		{"integrations delete demo hook --force", "", "DELETE /webhooks/projects/demo/integrations/hook?force=true", "", "deleted hook\n"},
		{"events list demo hook --status failed", "", "GET /webhooks/projects/demo/integrations/hook/events?limit=50&status=failed", `{"items":[` + event + `]}`, "push?[2J  pending, held  1         status 500 d  D1           ticket 7\n"},
		{"events list demo hook", "", "GET /webhooks/projects/demo/integrations/hook/events?limit=50", `{"items":[{"id":"E1","status":"pending","run":{"kind":"task","id":"task-1","state":"STARTED","until":"2026-11-23T14:00:00Z"}}]}`, "pending  0         task task-1 STARTED until 2026-11-23T14:00:00Z"},
		{"events list demo hook", "", "GET /webhooks/projects/demo/integrations/hook/events?limit=50", `{"items":[{"id":"E1","status":"pending","delivery_id":"D1","run":{"kind":"reindex","id":"docs","state":"waiting"}}]}`, "pending  0         reindex docs waiting  D1"},
		{"events get demo hook E1", "", "GET /webhooks/projects/demo/integrations/hook/events/E1", event, `"held": true`},
		{"events get demo hook E1 --body", "", "GET /webhooks/projects/demo/integrations/hook/events/E1", event, "hello"},
		{"replay demo hook E1", "", "POST /webhooks/projects/demo/integrations/hook/events/E1/replay", `{"id":"E2"}`, "replayed as E2\n"},
		{"replay demo hook --all", "", `POST /webhooks/projects/demo/integrations/hook/replay application/json {"dry_run":false,"limit":1000,"status":"failed"}`, `{"matched":5,"replayed":2,"skipped":1}`, "5 selected, 2 replayed, 1 skipped\n2 more exceed the limit"},
		{"replay demo hook --event push --from 2026-11-23T13:00:00Z --limit 9 --dry-run", "", `POST /webhooks/projects/demo/integrations/hook/replay application/json {"dry_run":true,"event":"push","from":"2026-11-23T13:00:00Z","limit":9,"status":"failed"}`, `{"matched":5}`, "5 selected, 0 of them"},
		{"replay demo hook --all --json", "", `POST /webhooks/projects/demo/integrations/hook/replay application/json {"dry_run":false,"limit":1000,"status":"failed"}`, `{"matched":5}`, "{\n  \"matched\": 5\n}\n"},
		{"handshake open demo hook", "", "POST /webhooks/projects/demo/integrations/hook/handshake", `{"state":"open","expires_at":"2026-11-23T13:10:00Z"}`, "open until 2026-11-23T13:10:00Z\n"},
		{"handshake show demo hook", "", "GET /webhooks/projects/demo/integrations/hook/handshake", `{"state":"closed"}`, "closed\n"},
		{"handshake show demo hook", "", "GET /webhooks/projects/demo/integrations/hook/handshake", `{"state":"learned","learned":{"fingerprint":"5d41c0aa","at":"2026-11-23T13:01:02.5Z","client_ip":"192.0.2.1"},"refused":{"at":"2026-11-23T13:03:00Z","client_ip":"192.0.2.2"}}`, "learned 5d41c0aa at 2026-11-23T13:01:02.5Z from 192.0.2.1\nanother secret came at 2026-11-23T13:03:00Z from 192.0.2.2 and was refused\n"},
		{"handshake confirm demo hook 5d41c0aa", "", `POST /webhooks/projects/demo/integrations/hook/handshake/confirm application/json {"fingerprint":"5d41c0aa"}`, one, "confirmed: 5d41c0aa now verifies\n"},
		{"handshake close demo hook", "", "DELETE /webhooks/projects/demo/integrations/hook/handshake", "", "closed\n"},
	} {
		a := newAPI(t)
		a.answer = c.answer
		out, err := run(t, c.stdin, append(strings.Fields(c.args), "--address", a.address())...)
		if err != nil || !strings.Contains(out, c.prints) {
			t.Errorf("%s: %v\n%s", c.args, err, out)
		}
		if a.asked != c.asked {
			t.Errorf("%s\nasked %s\nwant  %s", c.args, a.asked, c.asked)
		}
	}
}

func TestRefusals(t *testing.T) {
	a := newAPI(t)
	a.status, a.answer = 404, `{"error":"there is no such event"}`
	nobody := httptest.NewServer(nil)
	nobody.Close()
	for _, c := range []struct{ args, address, want string }{
		{"events get demo hook E1", a.address(), "there is no such event (404)"},
		{"status", nobody.Listener.Addr().String(), "is the server running"},
		{"status", "localhost:1-9", `"localhost:1-9" is not an address`},
		{"status too much", a.address(), "unknown command"},
		{"unknown", a.address(), "unknown command"},
		{"integrations unknown", a.address(), "unknown command"},
		{"integrations get demo", a.address(), "accepts 2 arg"},
		{"integrations create demo", a.address(), "reading standard input: must be JSON"},
		{"integrations create demo /nonexistent", a.address(), "no such file"},
		{"replay demo hook", a.address(), "--all selects"},
		{"replay demo hook E1 --dry-run", a.address(), "give either"},
		{"replay demo hook --from yesterday", a.address(), `--from: "yesterday" is neither`},
		{"restore /nonexistent.tar", a.address(), "no such file"},
		{"restore --config /nonexistent.json x.tar", a.address(), "finding the storage"},
		{"status --config /nonexistent.json", "", "finding the admin endpoint"},
	} {
		out, err := run(t, "", append(strings.Fields(c.args), "--address", c.address)...)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v\n%s", c.args, err, out)
		}
	}
	a.answer = `{"error":"alias: a","code":"invalid_form","errors":[{"field":"alias","code":"invalid","message":"a\u001b"},{"field":"","code":"required","message":"b"}]}`
	if _, err := run(t, "{}", "integrations", "create", "demo", "--address", a.address()); err == nil || err.Error() != "2 errors (404):\n  alias: a?\n  b" {
		t.Errorf("%v", err)
	}
	a.answer = "not found"
	if _, err := run(t, "", "status", "--address", a.address()); err == nil || !strings.Contains(err.Error(), "does its configuration use webhooks?") {
		t.Errorf("%v", err)
	}
}

func TestPages(t *testing.T) {
	pages := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		pages++
		cursor := ""
		if pages < 3 {
			cursor = fmt.Sprint("after-", pages)
		}
		if want := fmt.Sprint("after-", pages-1); pages > 1 && r.URL.Query().Get("cursor") != want {
			t.Errorf("page %d: %s", pages, r.URL)
		}
		fmt.Fprintf(w, `{"items":[{"webhook_id":"hook-%d"}],"next_cursor":%q}`, pages, cursor)
	}))
	defer server.Close()
	for limit, want := range map[string]int{"0": 3, "2": 2} {
		pages = 0
		out, err := run(t, "", "integrations", "list", "--json", "--limit", limit, "--address", server.Listener.Addr().String())
		var items []any
		if err != nil || json.Unmarshal([]byte(out), &items) != nil || len(items) != want {
			t.Errorf("limit %s: %v\n%s", limit, err, out)
		}
	}
}

func TestEndpoints(t *testing.T) {
	a := newAPI(t)
	a.answer = "{}"
	socket := filepath.Join(t.TempDir(), "admin.sock")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	unix := &http.Server{Handler: a}
	go unix.Serve(listener)
	defer unix.Close()
	config := filepath.Join(t.TempDir(), "caddy.json")
	if err := os.WriteFile(config, fmt.Appendf(nil, `{"admin":{"listen":%q}}`, a.address()), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"--address", a.address()},
		{"--address", "tcp/" + a.address()},
		{"--address", "unix/" + socket},
		{"--address", "unix/" + socket + "|0220"},
		{"--config", config},
	} {
		a.asked = ""
		if _, err := run(t, "", append([]string{"status"}, args...)...); err != nil || a.asked != "GET /webhooks/status" {
			t.Errorf("%v: %q, %v", args, a.asked, err)
		}
	}
}

func TestBackupToFile(t *testing.T) {
	a := newAPI(t)
	a.answer = "all of it"
	dir := t.TempDir()
	file := filepath.Join(dir, "backup.tar")
	out, err := run(t, "", "backup", "--output", file, "--address", a.address())
	if text, _ := os.ReadFile(file); err != nil || string(text) != "all of it" || !strings.Contains(out, "backup.tar, 9 B") {
		t.Errorf("%v, %s\n%s", err, text, out)
	}
	if _, err := run(t, "", "backup", "--output", file, "--address", a.address()); err == nil || !strings.Contains(err.Error(), "already exists") {
		t.Errorf("%v", err)
	}
	if out, err := run(t, "", "backup", "--address", a.address()); err != nil || out != "all of it" {
		t.Errorf("%v, %s", err, out)
	}
	// One that was cut leaves nothing.
	cut := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, strings.Repeat("part", 10_000))
		panic(http.ErrAbortHandler)
	}))
	defer cut.Close()
	if _, err := run(t, "", "backup", "--output", file+".2", "--address", cut.Listener.Addr().String()); err == nil || !strings.Contains(err.Error(), "incomplete") {
		t.Errorf("%v", err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}
}

func TestHelp(t *testing.T) {
	root := new(cobra.Command)
	complete(root)
	var walk func(cmd *cobra.Command)
	commands := 0
	walk = func(cmd *cobra.Command) {
		commands++
		if cmd.HasParent() && (cmd.Short == "" || !cmd.HasSubCommands() && cmd.Example == "") {
			t.Errorf("%s has no help", cmd.CommandPath())
		}
		for _, below := range cmd.Commands() {
			walk(below)
		}
	}
	walk(root)
	if commands != 23 {
		t.Errorf("%d commands", commands)
	}
	for _, args := range [][]string{{}, {"--help"}, {"integrations"}, {"events", "list", "--help"}} {
		if out, err := run(t, "", args...); err != nil || !strings.Contains(out, "Usage:") {
			t.Errorf("%v: %v\n%s", args, err, out)
		}
	}
}

func TestWhen(t *testing.T) {
	now := time.Date(2026, 11, 23, 13, 0, 0, 0, time.UTC)
	for text, want := range map[string]string{
		"":                          "",
		"90m":                       "2026-11-23T11:30:00Z",
		"2026-11-23T13:00:00+01:00": "2026-11-23T13:00:00+01:00",
	} {
		if got, err := when(text, now); err != nil || got != want {
			t.Errorf("%s: %s, %v", text, got, err)
		}
	}
	for _, text := range []string{"-1h", "2026-11-23", "soon"} {
		if got, err := when(text, now); err == nil {
			t.Errorf("%s: %s", text, got)
		}
	}
}
