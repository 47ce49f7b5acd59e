package integrationtests

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/integration-tests/gateway"
)

// canaries are secrets of every kind. None may appear in anything that the
// gateway writes or shows, neither plain nor in base64, hex or a URL.
var canaries = map[string]string{
	"GITHUB":         "canary-github-8b1f",
	"GITHUB_OLD":     "canary-github-old-77aa",
	"GITLAB":         "canary-gitlab-c0de",
	"JIRA":           "canary-jira-91d2",
	"HEADER":         "canary-header-5e5e",
	"PASSWORD":       "canary-password-0b0b",
	"BEARER":         "canary-bearer-1234",
	"TICKET_TOKEN":   "canary-ticket-token-fedc",
	"SIGNING_SECRET": "canary-signing-secret-4242",
	"KEY":            base64.StdEncoding.EncodeToString([]byte("canary-encryption-key-of-32-byte")),
	"API_SECRET":     "canary-api-secret-aaaa",
	"API_HEADER":     "canary-api-header-bbbb",
	"API_REFUSED":    "canary-api-refused-cccc",
	"SENT":           "canary-sent-wrong-dddd",
	"QUERY":          "canary-query-eeee",
	"TRIGGER_PATH":   "canary-operators-path-ffff",
	"BODY":           "canary-payload-9999",
}

// forms are the spellings in which a secret could be recognised.
func forms(secret string) [][]byte {
	plain := []byte(secret)
	all := [][]byte{plain, []byte(hex.EncodeToString(plain)), []byte(url.QueryEscape(secret))}
	// base64 has three spellings, depending on where the secret begins; the edges
	// of each depend on the adjacent bytes.
	for shift := range 3 {
		text := base64.RawStdEncoding.EncodeToString(append(make([]byte, shift), plain...))
		all = append(all, []byte(text[4:len(text)-4]))
	}
	return all
}

// shows fails the test if the text contains one of the canaries.
func shows(t *testing.T, where string, text []byte, names ...string) {
	t.Helper()
	if len(names) == 0 {
		for name := range canaries {
			if name != "BODY" { // an admin may read the payload
				names = append(names, name)
			}
		}
	}
	for _, name := range names {
		for i, form := range forms(canaries[name]) {
			if at := bytes.Index(text, form); at >= 0 {
				t.Errorf("%s shows %s (form %d): …%s…", where, name, i, text[max(0, at-120):min(len(text), at+60)])
				break
			}
		}
	}
}

// quiet is how every example configures a log: no headers, no query.
const quiet = `format filter {
			request>headers delete
			request>uri regexp "\?.*" ""
		}
`

// TestSecretsStaySecret uses every feature with searchable secrets, at debug
// level, and then searches for them.
func TestSecretsStaySecret(t *testing.T) {
	t.Parallel()
	sink := gateway.NewSink(t)
	var env []string
	for name, value := range canaries {
		env = append(env, name+"="+value)
	}
	integration := func(id, lines string) string {
		return fmt.Sprintf("integration %s {\nproject demo\nresource ticket %s\n%s\n}\n", id, id, lines)
	}
	config := gateway.Config(soon+`
		storage badger {
			path {$DIR}/store
			encryption_key {env.KEY}
		}
		trigger http ticket `+sink.URL+`/canary-operators-path-ffff/{webhook.resource_id} {
			header Authorization "Bearer {env.TICKET_TOKEN}"
			signing_secret {env.SIGNING_SECRET}
			timeout 500ms
		}
		trigger http gone http://127.0.0.1:1/canary-operators-path-ffff`+"\n"+
		integration("github", "signature github {env.GITHUB} {env.GITHUB_OLD}\nrequire_sha256_signature off")+
		integration("gitlab", "signature gitlab {env.GITLAB}")+
		integration("jira", "signature jira {env.JIRA}")+
		integration("header", "secure_header X-Secure-Header {env.HEADER}")+
		integration("basic", "basic user {env.PASSWORD}")+
		integration("bearer", "bearer {env.BEARER}")+
		integration("inline", "signature gitlab {env.GITLAB}"), `
	log {
		output file {$DIR}/access.log
		level DEBUG
		`+quiet+`
	}
	route /inline/* {
		webhooks /inline/* {
			inline
		}
		reverse_proxy `+strings.TrimPrefix(sink.URL, "http://")+`
	}
	webhooks /webhooks/*
`)
	config = strings.Replace(config, "log {\n\t\tlevel DEBUG", "log {\n\t\tlevel DEBUG\n\t\t"+quiet, 1)
	config = strings.Replace(config, "admin {$ADMIN}", "admin {$ADMIN}\n\tmetrics", 1)
	g := gateway.Start(t, config, env...)

	payload := []byte(`{"text":"` + canaries["BODY"] + `"}`)
	basic := func(user, password string) string {
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
	}
	answers := map[string]*gateway.Answer{}
	post := func(path string, header http.Header, want int) {
		t.Helper()
		header = header.Clone()
		header.Set("X-Webhook-Note", canaries["SENT"])
		header.Set("Cookie", "session="+canaries["SENT"])
		answer := g.Post(path+"?token="+canaries["QUERY"], header, payload)
		answers[fmt.Sprint(path, len(answers))] = answer
		if answer.Status != want {
			t.Errorf("%s: status %d, want %d: %s", path, answer.Status, want, answer.Body)
		}
	}
	github := func(secret, delivery string) http.Header { return gateway.GitHub(secret, "push", delivery, payload) }
	post("/webhooks/github", github(canaries["GITHUB"], "1"), 202)
	post("/webhooks/github", github(canaries["GITHUB_OLD"], "2"), 202)
	post("/webhooks/github", gateway.Headers("X-Hub-Signature", gateway.SHA1(canaries["GITHUB"], payload)), 202)
	post("/webhooks/github", github(canaries["SENT"], "3"), 401)
	post("/webhooks/gitlab", gateway.GitLab(canaries["GITLAB"], "Push Hook", "1"), 202)
	post("/webhooks/gitlab", gateway.GitLab(canaries["SENT"], "Push Hook", "2"), 401)
	post("/webhooks/jira", gateway.Jira(canaries["JIRA"], "1", payload), 202)
	post("/webhooks/header", gateway.Headers("X-Secure-Header", canaries["HEADER"]), 202)
	post("/webhooks/header", gateway.Headers("X-Secure-Header", canaries["SENT"]), 401)
	post("/webhooks/basic", gateway.Headers("Authorization", basic("user", canaries["PASSWORD"])), 202)
	post("/webhooks/basic", gateway.Headers("Authorization", basic("user", canaries["SENT"])), 401)
	post("/webhooks/bearer", gateway.Headers("Authorization", "Bearer "+canaries["BEARER"]), 202)
	post("/webhooks/bearer", gateway.Headers("Authorization", "Bearer "+canaries["SENT"]), 401)
	post("/webhooks/unknown", gateway.Headers("Authorization", "Bearer "+canaries["BEARER"]), 404)
	post("/inline/inline", gateway.GitLab(canaries["GITLAB"], "Push Hook", "3"), 204)
	// A sender that repeats its credential in stored headers.
	repeated := gateway.GitLab(canaries["GITLAB"], "Push Hook", "4")
	repeated.Set("User-Agent", canaries["GITLAB"])
	post("/webhooks/gitlab", repeated, 202)

	// Failing triggers, with answers that repeat the request.
	sink.Answer(func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, r.Header.Get("Authorization")+r.Header.Get("Webhook-Signature"), http.StatusBadRequest)
	})
	post("/webhooks/github", github(canaries["GITHUB"], "fails"), 202)
	sink.AnswerStatus(http.StatusUnauthorized)
	post("/webhooks/github", github(canaries["GITHUB"], "refused"), 202)
	sink.Answer(nil)

	// The admin API: good writes, refused ones, reads.
	api := func(method, path string, body any, want int) {
		t.Helper()
		answer := g.API(method, path, body)
		answers[fmt.Sprint(method, path, len(answers))] = answer
		if answer.Status != want {
			t.Errorf("%s %s: status %d, want %d: %s", method, path, answer.Status, want, answer.Body)
		}
	}
	stored := gateway.M{
		"webhook_id": "stored",
		"authentication": gateway.M{
			"signature":     gateway.M{"provider": "github", "secrets": []string{canaries["API_SECRET"]}},
			"secure_header": gateway.M{"name": "X-Key", "value": canaries["API_HEADER"]},
		},
		"resource": gateway.M{"type": "ticket", "id": "stored"},
	}
	api("POST", gateway.Integrations(demo), stored, 201)
	api("POST", gateway.Integrations(demo), stored, 409)
	gone := gateway.M{"webhook_id": "gone", "authentication": gateway.M{"bearer": gateway.M{"tokens": []string{canaries["API_SECRET"]}}}, "resource": gateway.M{"type": "gone", "id": "x"}}
	api("POST", gateway.Integrations(demo), gone, 201)
	post("/webhooks/gone", gateway.Headers("Authorization", "Bearer "+canaries["API_SECRET"]), 202)
	for _, refused := range []any{
		gateway.M{"authentication": gateway.M{"signature": gateway.M{"provider": canaries["API_REFUSED"], "secrets": []string{canaries["API_REFUSED"]}}}},
		gateway.M{"authentication": gateway.M{"bearer": gateway.M{"tokens": []any{canaries["API_REFUSED"], 7}}}},
		gateway.M{"authentication": gateway.M{"bearer": gateway.M{"tokens": canaries["API_REFUSED"]}}},
		gateway.M{"authentication": gateway.M{"secure_header": gateway.M{"name": "X-Key", "value": canaries["API_REFUSED"] + "\n"}}},
		gateway.M{"authentication": gateway.M{"basic": gateway.M{"username": "u", "password": canaries["API_REFUSED"], "extra": canaries["API_REFUSED"]}}},
		`{"authentication":{"bearer":{"tokens":["` + canaries["API_REFUSED"] + `"]}}`,
	} {
		api("POST", gateway.Integrations(demo), refused, 400)
		api("PATCH", gateway.Integration(demo, "stored"), refused, 400)
	}
	api("PATCH", gateway.Integration(demo, "stored"), gateway.M{"alias": "changed"}, 200)
	api("PATCH", gateway.Integration(demo, "github"), gateway.M{"authentication": gateway.M{"bearer": gateway.M{"tokens": []string{canaries["API_REFUSED"]}}}}, 409)
	api("GET", gateway.Integrations(demo), nil, 200)
	api("GET", "/webhooks/integrations", nil, 200)
	api("GET", "/webhooks/status", nil, 200)
	api("GET", "/config/", nil, 200)
	api("GET", "/metrics", nil, 200)
	for _, id := range []string{"github", "gitlab", "jira", "header", "basic", "bearer", "stored", "gone"} {
		api("GET", gateway.Integration(demo, id), nil, 200)
		api("GET", gateway.Integration(demo, id, "events"), nil, 200)
		for _, event := range list(t, g, gateway.Integration(demo, id, "events")) {
			api("GET", gateway.Integration(demo, id, "events", event["id"].(string)), nil, 200)
		}
	}

	// Reloads, one of which fails, a crash and a stop.
	g.Reload(strings.Replace(config, "resource ticket jira", "resource ticket jira-2", 1))
	if out, err := g.TryReload(strings.Replace(config, "bearer {env.BEARER}", "bearer {env.BEARER} {env.BEARER_UNSET}", 1)); err == nil {
		t.Error("an unset secret was loaded")
	} else {
		shows(t, "the error of a reload", []byte(out))
	}
	g.WriteConfig(config)
	g.Kill()
	g.Start()
	post("/webhooks/github", github(canaries["GITHUB"], "last"), 202)
	g.Stop()

	for what, answer := range answers {
		if strings.Contains(what, "/config/") {
			// Caddy shows its configuration as it was written; secrets are placeholders
			// there, and the operator's path is not a secret of its.
			var names []string
			for name := range canaries {
				if name != "TRIGGER_PATH" {
					names = append(names, name)
				}
			}
			shows(t, what, answer.Body, names...)
			continue
		}
		shows(t, what, answer.Body)
		for _, values := range answer.Header {
			shows(t, what, []byte(strings.Join(values, "\n")))
		}
	}
	everything := func(where string, text []byte) {
		shows(t, where, text)
		shows(t, where, text, "BODY")
	}
	everything("the log", []byte(g.Logs()))
	err := filepath.WalkDir(g.Dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || entry.Name() == "Caddyfile" {
			return err
		}
		text, err := os.ReadFile(path)
		everything(strings.TrimPrefix(path, g.Dir+"/"), text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if access, err := os.ReadFile(filepath.Join(g.Dir, "access.log")); err != nil || !bytes.Contains(access, []byte("/webhooks/github")) {
		t.Errorf("the access log is not there: %v", err)
	}
}
