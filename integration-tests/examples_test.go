package integrationtests

import (
	"bytes"
	"cmp"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/integration-tests/gateway"
)

// exampleSecrets are the values of the examples' placeholders.
var exampleSecrets = []string{
	"GITHUB_WEBHOOK_SECRET=" + secret,
	"GITLAB_WEBHOOK_TOKEN=" + token,
	"JIRA_WEBHOOK_SECRET=" + secret,
	"ALERTMANAGER_SECRET=alertmanager",
	"DESK_WEBHOOK_SECRET=" + secret,
	"TRIGGER_SECRET=whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
	"GITHUB_WEBHOOK_SECRET_OLD=" + oldSecret, "DESK_KEY=" + token,
	"SLACK_SIGNING_SECRET=" + secret, "META_APP_SECRET=" + secret, "META_VERIFY_TOKEN=" + token, "CLOUDEVENTS_TOKEN=" + token,
	"CODEMIE_TOKEN=platform", "CODEMIE_TOKEN_DEMO=demo", "CODEMIE_TOKEN_SEARCH=search",
}

// exampleRequest is what is sent to a running example: by default a POST of the
// usual body.
type exampleRequest struct {
	path   string
	header http.Header
	status int
	method string
	body   string
	says   string // what the answer contains, "" for anything
}

// exampleRequests lists the requests to each example. After a 202 or 204 its
// endpoint or application must receive the event.
func exampleRequests() map[string][]exampleRequest {
	post := func(path string, header http.Header, status int) exampleRequest {
		return exampleRequest{path: path, header: header, status: status}
	}
	now := strconv.FormatInt(time.Now().Unix(), 10)
	slack := func(secret, body string) http.Header {
		signature := strings.Replace(gateway.SHA256(secret, []byte("v0:"+now+":"+body)), "sha256=", "v0=", 1)
		return gateway.Headers("X-Slack-Request-Timestamp", now, "X-Slack-Signature", signature)
	}
	desk := func(secret string) http.Header {
		return gateway.Headers("X-Desk-Event", "ticket", "X-Desk-Time", now, "X-Desk-Signature", gateway.SHA256(secret, []byte(now+"."+string(body))))
	}
	both := func(secret, key, delivery string) http.Header {
		header := gateway.GitHub(secret, "release", delivery, []byte(published))
		header.Set("X-Desk-Key", key)
		return header
	}
	return map[string][]exampleRequest{
		"quickstart": {post("/webhooks/github-pr-review", gateway.GitHub(secret, "pull_request", "1", body), 202)},
		"many-senders": {
			post("/webhooks/github", gateway.GitHub(secret, "issue_comment", "1", body), 202),
			post("/webhooks/github", gateway.GitHub(secret, "push", "2", body), 200),
			post("/webhooks/gitlab", gateway.GitLab(token, "Issue Hook", "1"), 202),
			post("/webhooks/alertmanager", gateway.Headers("Authorization", "Bearer alertmanager"), 202),
			post("/webhooks/alertmanager", gateway.Headers("Authorization", "Bearer another"), 401),
		},
		"filters": {
			post("/webhooks/issues", gateway.GitHub(secret, "issues", "1", body), 202),
			post("/webhooks/issues", gateway.GitHub(secret, "release", "2", body), 200),
			post("/webhooks/reviews", gateway.GitHub(secret, "pull_request", "3", body), 200),
		},
		"limits": {
			post("/webhooks/github", gateway.GitHub(secret, "push", "1", body), 202),
			post("/webhooks/github", gateway.GitHub("wrong", "push", "2", body), 401),
		},
		"custom-signature": {
			post("/webhooks/tickets", desk(secret), 202),
			post("/webhooks/tickets", desk("wrong"), 401),
			post("/webhooks/tickets", gateway.Headers("X-Desk-Event", "ticket", "X-Desk-Signature", gateway.SHA256(secret, body)), 401),
		},
		"handshakes": {
			{path: "/webhooks/slack", header: slack(secret, challenge), body: challenge, status: 200, says: "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P"},
			{path: "/webhooks/slack", header: slack("wrong", challenge), body: challenge, status: 401},
			{path: "/webhooks/slack", header: slack(secret, mention), body: mention, status: 202},
			{path: "/webhooks/whatsapp?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=" + token, method: "GET", status: 200, says: "1158201444"},
			{path: "/webhooks/whatsapp?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=another", method: "GET", status: 401},
			{path: "/webhooks/events", header: gateway.Headers("WebHook-Request-Origin", "events.example.com"), method: "OPTIONS", status: 200},
			post("/webhooks/events", gateway.Headers("Authorization", "Bearer "+token), 202),
		},
		"strict": {
			post("/webhooks/builds", nil, 401),
			post("/webhooks/builds", gateway.Headers("Authorization", "Bearer e30.e30.e30"), 401),
			post("/webhooks/orders", nil, 401),
			post("/webhooks/gitlab", gateway.GitLab(token, "Push Hook", "1"), 401), // from another address
			{path: "/webhooks/releases", header: both(secret, token, "1"), body: published, status: 202},
			{path: "/webhooks/releases", header: both(oldSecret, token, "2"), body: published, status: 202},
			{path: "/webhooks/releases", header: both("wrong", token, "3"), body: published, status: 401},
			{path: "/webhooks/releases", header: both(secret, "wrong", "4"), body: published, status: 401},
			{path: "/webhooks/releases", header: gateway.GitHub(secret, "release", "5", []byte(published)), body: published, status: 401},
		},
		"inline": {
			post("/webhooks/github-ci", gateway.GitHub(secret, "push", "1", body), 204),
			post("/webhooks/github-ci", gateway.GitHub("wrong", "push", "1", body), 401),
		},
		"prefix":             {post("/tools/hooks/unknown", nil, 404), post("/elsewhere", nil, 404)},
		"code-assistant-api": {post("/code-assistant-api/v1/webhooks/unknown", nil, 404), post("/code-assistant-api/v1/assistants", nil, 204)},
		"codemie":            {post("/webhooks/github-pr-review", gateway.GitHub(secret, "push", "1", body), 200), post("/webhooks/docs-changed", nil, 401)},
		"remote-admin":       {post("/webhooks/unknown", nil, 404)},
	}
}

const (
	challenge = `{"type":"url_verification","challenge":"3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P"}`
	mention   = `{"type":"event_callback","event_id":"Ev08MFMKH6","event":{"type":"app_mention","text":"Grüße"}}`
	published = `{"action":"published","release":{"tag_name":"v1"}}`
)

// TestExamples runs every example: unchanged for adapt, fmt and validate, and
// with this test's addresses for events.
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
	for name := range exampleRequests() {
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
	authorities := filepath.Join(t.TempDir(), "authorities.pem")
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: newPerson(t, "authority").certificate.Certificate[0]})
	if err := os.WriteFile(authorities, certificate, 0o600); err != nil {
		t.Fatal(err)
	}
	g := gateway.New(t, string(text), append(slices.Clone(exampleSecrets), "PARTNERS_CA="+authorities,
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
	requests, known := exampleRequests()[name]
	if !known {
		t.Errorf("no test sends anything to it: add it to exampleRequests")
	}
	config, host, servers := moved(t, g, sink, g.Adapt())
	g.WriteConfig(config)
	g.Start()
	refusesOthers(t, g, host, servers)
	expected := 0
	for _, request := range requests {
		header := request.header.Clone()
		if header == nil {
			header = http.Header{}
		}
		header.Set("Host", host)
		payload := []byte(cmp.Or(request.body, string(body)))
		if request.method == "GET" || request.method == "OPTIONS" {
			payload = nil
		}
		answer := g.Request(cmp.Or(request.method, "POST"), request.path, header, bytes.NewReader(payload))
		if answer.Status != request.status || !strings.Contains(string(answer.Body), request.says) {
			t.Errorf("%s: status %d, want %d and %q: %s", request.path, answer.Status, request.status, request.says, answer.Body)
		}
		if request.status == 202 || request.status == 204 {
			expected++
		}
	}
	gateway.Eventually(t, "the events have arrived", func() bool { return len(sink.Deliveries()) >= expected })
	if strings.Contains(g.Logs(), "a log shows the credentials of webhook requests") {
		t.Error("a log of it shows credentials")
	}
}

// refusesOthers sends to paths and hosts that a configuration does not serve,
// as happens with a mistyped address.
func refusesOthers(t *testing.T, g *gateway.Gateway, host string, servers []string) {
	t.Helper()
	for _, path := range []string{"/", "/webhook/github", "/webhooks", "/webhooksx/github", "/nowhere/webhooks/github", "/webhooks/unknown-to-all"} {
		for _, method := range []string{"POST", "GET"} {
			answer := g.Request(method, path, gateway.Headers("Host", host), bytes.NewReader(body))
			if answer.Status != 404 && (method == "POST" || answer.Status != 405) {
				t.Errorf("%s %s gets %d: %s", method, path, answer.Status, answer.Body)
			}
		}
	}
	for _, addr := range servers {
		for _, other := range []string{"other.example.com", "203.0.113.1", "localhost"} {
			for _, path := range []string{"/", "/webhooks/github", "/webhooks/github-ci", "/tools/hooks/github"} {
				answer, err := g.Try("POST", "http://"+addr+path, gateway.Headers("Host", other), bytes.NewReader(body))
				if err != nil {
					t.Fatal(err)
				}
				if answer.Status != 404 {
					t.Errorf("%s at %s gets %d: %s", path, other, answer.Status, answer.Body)
				}
			}
		}
	}
}

// moved rewrites a configuration so that it can run beside others: addresses
// and the store are the test's, certificates are left alone. It returns the
// site's host, and the addresses of all its servers; the site's is the
// gateway's.
func moved(t *testing.T, g *gateway.Gateway, sink *gateway.Sink, config []byte) (text, host string, addrs []string) {
	t.Helper()
	config = bytes.ReplaceAll(config, []byte("http://127.0.0.1:8099"), []byte(sink.URL))
	hostOf := regexp.MustCompile(`"match":\[\{"host":\["([^"]+)"`)
	var object gateway.M
	if err := json.Unmarshal(config, &object); err != nil {
		t.Fatal(err)
	}
	object["admin"] = gateway.M{"listen": g.Admin, "config": gateway.M{"persist": false}}
	apps := object["apps"].(gateway.M)
	delete(apps, "tls")
	if webhooks, ok := apps["webhooks"].(gateway.M); ok {
		delete(webhooks, "storage")
	}
	for _, server := range apps["http"].(gateway.M)["servers"].(gateway.M) {
		server := server.(gateway.M)
		routes, err := json.Marshal(server["routes"])
		if err != nil {
			t.Fatal(err)
		}
		addr := gateway.FreeAddr(t)
		if found := hostOf.FindSubmatch(routes); found != nil {
			if host != "" {
				t.Fatal("two servers are for a host")
			}
			host, addr = string(found[1]), g.Addr
		}
		addrs = append(addrs, addr)
		server["listen"] = []string{addr}
		server["automatic_https"] = gateway.M{"disable": true}
		delete(server, "tls_connection_policies")
	}
	moved, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	return string(moved), host, addrs
}

// TestRemoteAdminExample merges the example's JSON with its Caddyfile, as the
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
