package codemie_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	_ "github.com/caddyserver/caddy/v2/modules/standard"

	"github.com/hookgate/hookgate/internal/delivery/codemietest"
	"github.com/hookgate/hookgate/module/internal/goldentest"
	"github.com/hookgate/hookgate/module/trigger"
	_ "github.com/hookgate/hookgate/module/trigger/codemie"
	"github.com/hookgate/hookgate/module/trigger/triggertest"
)

func TestCaddyfile(t *testing.T) { goldentest.Run(t, "testdata", triggertest.Adapt) }

// TestRun starts an assistant with a token from a file, and again after the
// token in the file and on the platform has changed.
func TestRun(t *testing.T) {
	platform := codemietest.New("first")
	platform.AddAssistant("assistant-1", "demo")
	server := httptest.NewServer(platform)
	t.Cleanup(server.Close)
	file := filepath.Join(t.TempDir(), "token")
	write := func(token string) {
		if err := os.WriteFile(file, []byte(token+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("first")
	t.Setenv("CODEMIE_URL", server.URL)
	loaded, err := triggertest.Load(t, `codemie {env.CODEMIE_URL} {
		token {file.`+file+`}
		poll_interval 1ms
	}`)
	if err != nil {
		t.Fatal(err)
	}
	if types := strings.Join(loaded.ResourceTypes(), " "); types != "assistant workflow datasource" {
		t.Errorf("serves %s", types)
	}
	run := func() trigger.Result {
		event := &trigger.Event{
			ID: "01EVENT", Project: "demo", Alias: "A", Body: []byte("{}"),
			Resource: trigger.Resource{Type: "assistant", ID: "assistant-1"},
		}
		var saved []byte
		for range 20 {
			result := loaded.Run(t.Context(), &trigger.Attempt{Event: event, Number: 1, Progress: saved,
				Save: func(_ context.Context, progress []byte) error {
					saved = progress
					return nil
				}})
			if result.Verdict != trigger.Pending {
				return result
			}
		}
		return trigger.Result{Verdict: trigger.Pending}
	}
	if result := run(); result.Verdict != trigger.Delivered {
		t.Fatalf("%+v", result)
	}
	platform.SetToken("second")
	if result := run(); result.Verdict != trigger.RefusedCredential {
		t.Fatalf("with the old token: %+v", result)
	}
	write("second")
	if result := run(); result.Verdict != trigger.Delivered {
		t.Fatalf("with the new token: %+v", result)
	}
}

// TestAllow limits the projects to their resources.
func TestAllow(t *testing.T) {
	loaded, err := triggertest.Load(t, `codemie https://codemie.test {
		project demo {
			token x
			resources assistant-*
		}
	}`)
	if err != nil {
		t.Fatal(err)
	}
	for _, asked := range []struct {
		project, id string
		allowed     bool
	}{{"demo", "assistant-1", true}, {"demo", "other-1", false}, {"other", "assistant-1", false}} {
		if err := loaded.Allow(asked.project, trigger.Resource{Type: "assistant", ID: asked.id}); (err == nil) != asked.allowed {
			t.Errorf("%+v: %v", asked, err)
		}
	}
}

func TestLoad(t *testing.T) {
	t.Setenv("EMPTY", "")
	for config, want := range map[string]string{
		`{"module":"codemie","url":"https://codemie.test/api","token":"x"}`:                                      "",
		`{"module":"codemie","url":"https://codemie.test","projects":{"a":{"token":"x"}}}`:                       "",
		`{"module":"codemie","url":"https://codemie.test","token":"x","run_timeout":"1h","poll_interval":"1s"}`:  "",
		`{"module":"codemie","url":"https://codemie.test","token":""}`:                                           "the token is missing",
		`{"module":"codemie","url":"https://codemie.test","projects":{"a":{"token":"x"},"b":{}}}`:                "the token is missing",
		`{"module":"codemie","url":"https://codemie.test","token":"{env.EMPTY}"}`:                                "is empty",
		`{"module":"codemie","url":"https://codemie.test","token":"{file./nowhere/token}"}`:                      "is empty",
		`{"module":"codemie","url":"https://codemie.test/{webhook.id}","token":"x"}`:                             "unrecognized placeholder {webhook.id}",
		`{"module":"codemie","url":"codemie.test","token":"x"}`:                                                  "must be an absolute http or https URL",
		`{"module":"codemie","url":"https://codemie.test:70000","token":"x"}`:                                    "port",
		`{"module":"codemie","url":"","token":"x"}`:                                                              "must be an absolute http or https URL",
		`{"module":"codemie","url":"http://codemie.test","token":"x","transport":{"protocol":"http","tls":{}}}`:  "TLS options",
		`{"module":"codemie","url":"https://codemie.test","token":"x","poll":"1s"}`:                              "unknown field",
		`{"module":"codemie","url":"https://codemie.test","token":"x","projects":{"a":{"resources":[""]}}}`:      "empty resource pattern",
		`{"module":"codemie","url":"https://codemie.test","token":"x","projects":{"a":{"token":"{env.EMPTY}"}}}`: "project a: token",
	} {
		_, err := triggertest.LoadJSON(t, json.RawMessage(config))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v", config, err)
		}
	}
}

func TestConformance(t *testing.T) {
	t.Setenv("CODEMIE_TOKEN", "canary-token")
	for _, kind := range []string{"assistant", "workflow", "datasource"} {
		t.Run(kind, func(t *testing.T) {
			triggertest.Run(t, triggertest.Case{
				Open: func(t *testing.T, endpoint http.Handler) trigger.Trigger {
					server := httptest.NewServer(endpoint)
					t.Cleanup(server.Close)
					loaded, err := triggertest.Load(t, `codemie `+server.URL+` {
						poll_interval 1ms
						project demo {
							token {env.CODEMIE_TOKEN}
							resources `+kind+`-*
						}
					}`)
					if err != nil {
						t.Fatal(err)
					}
					return loaded
				},
				Endpoint: func() http.Handler {
					platform := codemietest.New("canary-token")
					platform.AddAssistant("assistant-1", "demo")
					platform.AddWorkflow("workflow-1", "demo")
					platform.AddDatasource(codemietest.Datasource{ID: "datasource-1", Project: "demo", Name: "docs", Type: "code"})
					return platform
				},
				Project:  "demo",
				Resource: trigger.Resource{Type: kind, ID: kind + "-1"},
				Limited:  true,
				Foreign:  "other-1",
				Secrets:  []string{"canary-token"},
			})
		})
	}
}
