package integrationtests

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/integration-tests/gateway"
)

// exampleSecrets are what the examples' placeholders stand for.
var exampleSecrets = []string{
	"GITHUB_WEBHOOK_SECRET=" + secret,
	"GITLAB_WEBHOOK_TOKEN=" + token,
	"JIRA_WEBHOOK_SECRET=" + secret,
	"ALERTMANAGER_AUTHORIZATION=Bearer alertmanager",
	"DESK_WEBHOOK_SECRET=" + secret,
	"TRIGGER_SECRET=whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
	"CODEMIE_TOKEN=platform", "CODEMIE_TOKEN_DEMO=demo", "CODEMIE_TOKEN_SEARCH=search",
}

// exampleEvents are what is sent to an example once it runs: path, headers,
// and whether the example's endpoint or application is to see it.
var exampleEvents = map[string][]struct {
	path   string
	header http.Header
	status int
}{
	"quickstart": {{"/webhooks/github-pr-review", gateway.GitHub(secret, "pull_request", "1", body), 202}},
	"many-senders": {
		{"/webhooks/github", gateway.GitHub(secret, "issue_comment", "1", body), 202},
		{"/webhooks/github", gateway.GitHub(secret, "push", "2", body), 200},
		{"/webhooks/gitlab", gateway.GitLab(token, "Issue Hook", "1"), 202},
		{"/webhooks/alertmanager", gateway.Headers("Authorization", "Bearer alertmanager"), 202},
		{"/webhooks/alertmanager", gateway.Headers("Authorization", "Bearer another"), 401},
	},
	"filters": {
		{"/webhooks/issues", gateway.GitHub(secret, "issues", "1", body), 202},
		{"/webhooks/issues", gateway.GitHub(secret, "release", "2", body), 200},
		{"/webhooks/reviews", gateway.GitHub(secret, "pull_request", "3", body), 200},
	},
	"limits": {
		{"/webhooks/github", gateway.GitHub(secret, "push", "1", body), 202},
		{"/webhooks/github", gateway.GitHub("wrong", "push", "2", body), 401},
	},
	"custom-signature": {
		{"/webhooks/tickets", gateway.Headers("X-Desk-Event", "ticket", "X-Desk-Signature", gateway.SHA256(secret, body)), 401},
	},
	"inline": {
		{"/webhooks/github-ci", gateway.GitHub(secret, "push", "1", body), 204},
		{"/webhooks/github-ci", gateway.GitHub("wrong", "push", "1", body), 401},
	},
	"prefix":             {{"/tools/hooks/unknown", nil, 404}, {"/elsewhere", nil, 404}},
	"code-assistant-api": {{"/code-assistant-api/v1/webhooks/unknown", nil, 404}, {"/code-assistant-api/v1/assistants", nil, 204}},
	"codemie":            {{"/webhooks/github-pr-review", gateway.GitHub(secret, "push", "1", body), 200}, {"/webhooks/docs-changed", nil, 401}},
	"remote-admin":       {{"/webhooks/unknown", nil, 404}},
}

// TestExamples runs every example: as it is for adapt, fmt and validate, and
// with addresses of this test's for events.
func TestExamples(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(gateway.Root(t), "caddyfile-examples", "*", "Caddyfile"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, file := range files {
		name := filepath.Base(filepath.Dir(file))
		t.Run(name, func(t *testing.T) { testExample(t, name, file) })
	}
	for name := range exampleEvents {
		if _, err := os.Stat(filepath.Join(gateway.Root(t), "caddyfile-examples", name)); err != nil {
			t.Errorf("the example %s is gone", name)
		}
	}
}

func testExample(t *testing.T, name, file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	sink := gateway.NewSink(t)
	upstream := strings.TrimPrefix(sink.URL, "http://")
	g := gateway.New(t, string(text), append(exampleSecrets,
		"DESK_URL="+sink.URL, "CODEMIE_URL="+sink.URL, "APPLICATION="+upstream, "CODEMIE_UPSTREAM="+upstream)...)

	if strings.Count(string(text), "\tlog {") < 1 {
		t.Error("it keeps headers and queries in the log")
	}
	if formatted, err := g.Command("fmt", file); err != nil || formatted != string(text) {
		t.Errorf("it is not formatted: %v\n%s", err, formatted)
	}
	if out, err := g.Command("validate", "--config", file, "--adapter", "caddyfile"); err != nil {
		t.Errorf("validate: %v\n%s", err, out)
	}
	events, known := exampleEvents[name]
	if !known {
		t.Errorf("no test sends anything to it: add it to exampleEvents")
	}
	config, host := moved(t, g, sink, g.Adapt())
	g.WriteConfig(config)
	g.Start()
	before := 0
	for _, event := range events {
		header := event.header.Clone()
		if header == nil {
			header = http.Header{}
		}
		header.Set("Host", host)
		if answer := g.Post(event.path, header, body); answer.Status != event.status {
			t.Errorf("%s: status %d, want %d: %s", event.path, answer.Status, event.status, answer.Body)
		}
		if event.status == 202 || event.status == 204 {
			before++
		}
	}
	gateway.Eventually(t, "the events have arrived", func() bool { return len(sink.Deliveries()) >= before })
}

// moved rewrites a configuration so that it runs beside others: addresses and
// the store are the test's, certificates are left alone. It returns the host
// that the site is for, too.
func moved(t *testing.T, g *gateway.Gateway, sink *gateway.Sink, config []byte) (string, string) {
	t.Helper()
	text := regexp.MustCompile(`http://127\.0\.0\.1:8099`).ReplaceAll(config, []byte(sink.URL))
	host := "127.0.0.1"
	if found := regexp.MustCompile(`"match":\[\{"host":\["([^"]+)"`).FindSubmatch(text); found != nil {
		host = string(found[1])
	}
	var object gateway.M
	if err := json.Unmarshal(text, &object); err != nil {
		t.Fatal(err)
	}
	object["admin"] = gateway.M{"listen": g.Admin, "config": gateway.M{"persist": false}}
	apps := object["apps"].(gateway.M)
	delete(apps, "tls")
	webhooks := apps["webhooks"].(gateway.M)
	delete(webhooks, "storage")
	servers := apps["http"].(gateway.M)["servers"].(gateway.M)
	if len(servers) != 1 {
		t.Fatalf("the example has %d servers", len(servers))
	}
	for _, server := range servers {
		server := server.(gateway.M)
		server["listen"] = []string{g.Addr}
		server["automatic_https"] = gateway.M{"disable": true}
		delete(server, "tls_connection_policies")
	}
	moved, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	return string(moved), host
}

// TestRemoteAdminExample joins the example's JSON with its Caddyfile, as the
// command in it does.
func TestRemoteAdminExample(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(gateway.Root(t), "caddyfile-examples", "remote-admin")
	caddyfile, err := os.ReadFile(filepath.Join(dir, "Caddyfile"))
	if err != nil {
		t.Fatal(err)
	}
	remote, err := os.ReadFile(filepath.Join(dir, "remote.json"))
	if err != nil {
		t.Fatal(err)
	}
	administrator := newPerson(t, "administrator")
	remote = bytes.Replace(remote, []byte(`"public_keys": []`), []byte(`"public_keys": ["`+administrator.publicKey+`"]`), 1)
	g := gateway.New(t, string(caddyfile), exampleSecrets...)
	var config, more gateway.M
	for text, into := range map[string]*gateway.M{string(g.Adapt()): &config, string(remote): &more} {
		if err := json.Unmarshal([]byte(text), into); err != nil {
			t.Fatal(err)
		}
	}
	for name, value := range more {
		if own, ok := config[name].(gateway.M); ok {
			for name, value := range value.(gateway.M) {
				own[name] = value
			}
			continue
		}
		config[name] = value
	}
	text, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	joined := filepath.Join(g.Dir, "joined.json")
	if err := os.WriteFile(joined, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := g.Command("validate", "--config", joined); err != nil {
		t.Errorf("validate: %v\n%s", err, out)
	}
}
