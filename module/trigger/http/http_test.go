package http_test

import (
	"encoding/json"
	"encoding/pem"
	"io"
	nethttp "net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	"github.com/hookgate/hookgate/module/internal/goldentest"
	"github.com/hookgate/hookgate/module/trigger"
	_ "github.com/hookgate/hookgate/module/trigger/http"
	"github.com/hookgate/hookgate/module/trigger/triggertest"
)

func TestCaddyfile(t *testing.T) { goldentest.Run(t, "testdata", triggertest.Adapt) }

func attempt() *trigger.Attempt {
	return &trigger.Attempt{Number: 1, IdempotencyKey: "01EVENT", Event: &trigger.Event{
		ID: "01EVENT", WebhookID: "hook", Project: "demo", Alias: "A", Type: "push",
		Resource: trigger.Resource{Type: "ticket", ID: "7"}, Body: []byte("{}"),
	}}
}

// TestRun sends an event through a trigger that was loaded from a Caddyfile.
func TestRun(t *testing.T) {
	t.Setenv("DESK_PATH", "{webhook.alias}")
	t.Setenv("DESK_SECRET", "secret")
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("project-token\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var got *nethttp.Request
	var body []byte
	server := httptest.NewServer(nethttp.HandlerFunc(func(_ nethttp.ResponseWriter, r *nethttp.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
	}))
	t.Cleanup(server.Close)

	loaded, err := triggertest.Load(t, `http ticket `+server.URL+`/{env.DESK_PATH}/{webhook.resource_id} {
		header X-Team {webhook.project}
		signing_secret {env.DESK_SECRET}
		project demo {
			token {file.`+file+`}
			resources 7*
		}
	}`)
	if err != nil {
		t.Fatal(err)
	}
	if types := loaded.ResourceTypes(); len(types) != 1 || types[0] != "ticket" {
		t.Errorf("serves %q", types)
	}
	for id, allowed := range map[string]bool{"7": true, "8": false} {
		if err := loaded.Allow("demo", trigger.Resource{Type: "ticket", ID: id}); (err == nil) != allowed {
			t.Errorf("%s: %v", id, err)
		}
	}
	if result := loaded.Run(t.Context(), attempt()); result.Verdict != trigger.Delivered {
		t.Fatalf("%+v", result)
	}
	if got.RequestURI != "/%7Bwebhook.alias%7D/7" || got.Header.Get("X-Team") != "demo" ||
		got.Header.Get("Authorization") != "Bearer project-token" || string(body) != "{}" ||
		!strings.HasPrefix(got.Header.Get("Webhook-Signature"), "v1,") || got.Header.Get("Accept-Encoding") != "" {
		t.Errorf("%s %v %s", got.RequestURI, got.Header, body)
	}
}

// TestTLS uses Caddy's options for TLS, with a placeholder that its transport
// looks for in the request's context.
func TestTLS(t *testing.T) {
	server := httptest.NewTLSServer(nethttp.HandlerFunc(func(nethttp.ResponseWriter, *nethttp.Request) {}))
	t.Cleanup(server.Close)
	file := filepath.Join(t.TempDir(), "ca.pem")
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(file, certificate, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SERVER_NAME", "example.com")
	for options, want := range map[string]string{
		"": trigger.ErrTLS,
		"tls_trust_pool file " + file + "\ntls_server_name {env.SERVER_NAME}":       "",
		"tls_trust_pool file " + file + "\ntls_server_name wrong.test":              trigger.ErrTLS,
		"tls_trust_pool file " + file + "\ntls_server_name {env.SERVER_NAME}.wrong": trigger.ErrTLS,
		"tls_insecure_skip_verify\nversions 1.1\ndial_timeout 2s\nread_timeout 20s": "",
	} {
		loaded, err := triggertest.Load(t, "http ticket "+server.URL+" {\ntransport http {\n"+options+"\n}\n}")
		if err != nil {
			t.Fatal(err)
		}
		if result := loaded.Run(t.Context(), attempt()); result.Error != want {
			t.Errorf("%q: %+v", options, result)
		}
	}
}

func TestJSON(t *testing.T) {
	for _, config := range []string{
		`{"module":"http","resource_type":"ticket","url":"http://127.0.0.1:1","headers":{},"timeout":"30s","signing_secret":""}`,
		`{"module":"http","resource_type":"ticket","url":"http://127.0.0.1:1","headers":{"X-A":"one","X-B":["one","two"]}}`,
		`{"module":"http","resource_type":"ticket","url":"https://127.0.0.1:1","transport":{"protocol":"http","tls":{}}}`,
	} {
		if _, err := triggertest.LoadJSON(t, json.RawMessage(config)); err != nil {
			t.Errorf("%s: %v", config, err)
		}
	}
}

// TestLoadErrors name the option, and neither the URL nor a secret.
func TestLoadErrors(t *testing.T) {
	t.Setenv("EMPTY", "")
	const url = "https://desk.test/secret-path"
	for options, want := range map[string]string{
		`"signing_secret":"{env.EMPTY}"`:                                    "signing_secret: evaluated placeholder {env.EMPTY} is empty",
		`"signing_secret":"{file./nowhere/x}"`:                              "signing_secret: ",
		`"signing_secret":"{webhook.id}"`:                                   "signing_secret: unrecognized placeholder",
		`"signing_secret":"whsec_not base64"`:                               "the signing secret begins with whsec_",
		`"headers":{"X-A":["{env.EMPTY}"]}`:                                 "reading the value of the header X-A",
		`"headers":{"Host":["x"]}`:                                          "the header Host cannot be set",
		`"headers":{"X-A":7}`:                                               "cannot unmarshal",
		`"body":"{webhook.nothing}"`:                                        "reading the body template: unrecognized placeholder {webhook.nothing}",
		`"projects":{"demo":{"resources":[""]}}`:                            "empty resource pattern",
		`"projects":{"demo":{"token":"{env.EMPTY}"}}`:                       "project demo: token",
		`"transport":{"protocol":"http","proxy_protocol":"v2"}`:             "PROXY protocol",
		`"transport":{"protocol":"nothing"}`:                                "unknown module",
		`"transport":[]`:                                                    "reading the transport",
		`"url":"https://{webhook.id}.test"`:                                 "placeholder may stand in the URL's path and query only",
		`"url":"https://user:secret-path@desk.test"`:                        "set `header Authorization` instead",
		`"url":"{env.EMPTY}"`:                                               "evaluated placeholder {env.EMPTY} is empty",
		`"url":"http://desk.test","transport":{"protocol":"http","tls":{}}`: "TLS options, but the URL begins with http://",
		`"resource_type":""`:                                                "the resource type is missing",
		`"retries":5`:                                                       "unknown field",
	} {
		config := map[string]any{"module": "http", "resource_type": "ticket", "url": url}
		if err := json.Unmarshal([]byte("{"+options+"}"), &config); err != nil {
			t.Fatal(err)
		}
		raw, _ := json.Marshal(config)
		_, err := triggertest.LoadJSON(t, raw)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", options, err)
		} else if strings.Contains(err.Error(), "secret-path") {
			t.Errorf("%s: the error %q shows the URL", options, err)
		}
	}
}

func TestModule(t *testing.T) {
	info, err := caddy.GetModule("webhooks.triggers.http")
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := info.New().(trigger.Trigger); !ok {
		t.Errorf("%T is no trigger", info.New())
	}
}

func TestConformance(t *testing.T) {
	t.Setenv("DESK_TOKEN", "canary-token")
	t.Setenv("DESK_SECRET", "canary-secret")
	triggertest.Run(t, triggertest.Case{
		Open: func(t *testing.T, endpoint nethttp.Handler) trigger.Trigger {
			server := httptest.NewServer(endpoint)
			t.Cleanup(server.Close)
			loaded, err := triggertest.Load(t, `http ticket `+server.URL+`/{webhook.delivery_id}?type={webhook.event} {
				header X-Alias {webhook.alias}
				signing_secret {env.DESK_SECRET}
				body "{\"type\": \"{webhook.event}\"}"
				project demo {
					token {env.DESK_TOKEN}
					resources 7*
				}
			}`)
			if err != nil {
				t.Fatal(err)
			}
			return loaded
		},
		Project:  "demo",
		Resource: trigger.Resource{Type: "ticket", ID: "7"},
		Limited:  true,
		Foreign:  "8",
		Secrets:  []string{"canary-token", "canary-secret"},
	})
}
