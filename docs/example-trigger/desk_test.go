package desk_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	_ "example.com/desk"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	"github.com/hookgate/hookgate/module/trigger"
	"github.com/hookgate/hookgate/module/trigger/triggertest"
)

// open loads the trigger from a Caddyfile.
func open(t *testing.T, endpoint http.Handler) trigger.Trigger {
	t.Helper()
	t.Setenv("DESK_TOKEN", "canary-token")
	t.Setenv("DEMO_TOKEN", "canary-demo")
	server := httptest.NewServer(endpoint)
	t.Cleanup(server.Close)
	loaded, err := triggertest.Load(t, `desk `+server.URL+`/queues/{webhook.resource_id} {
		token {env.DESK_TOKEN}
		timeout 5s
		project demo {
			token {env.DEMO_TOKEN}
			resources support-*
		}
	}`)
	if err != nil {
		t.Fatal(err)
	}
	return loaded
}

func TestConformance(t *testing.T) {
	triggertest.Run(t, triggertest.Case{
		Open:     open,
		Project:  "demo",
		Resource: trigger.Resource{Type: "desk", ID: "support-1"},
		Limited:  true,
		Foreign:  "billing-1",
		Secrets:  []string{"canary-token", "canary-demo"},
	})
}

func TestTicket(t *testing.T) {
	var path, token, title string
	desk := open(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var opened struct{ Title string }
		if err := json.NewDecoder(r.Body).Decode(&opened); err != nil {
			t.Error(err)
		}
		path, token, title = r.URL.Path, r.Header.Get("Authorization"), opened.Title
	}))
	result := desk.Run(t.Context(), &trigger.Attempt{Number: 1, IdempotencyKey: "01EVENT", Event: &trigger.Event{
		ID: "01EVENT", Project: "demo", Alias: "Nightly", Type: "build.failed",
		Resource: trigger.Resource{Type: "desk", ID: "support-1"},
	}})
	if result.Verdict != trigger.Delivered || path != "/queues/support-1" ||
		token != "Bearer canary-demo" || title != "Nightly: build.failed" {
		t.Errorf("%+v, %s %s %q", result, path, token, title)
	}
}

func TestConfiguration(t *testing.T) {
	for options, want := range map[string]string{
		"":                  "token: it is missing",
		"token {env.UNSET}": "{env.UNSET}",
		"token x\nproject demo {\nresources \"\"\n}": "empty resource pattern",
	} {
		if _, err := triggertest.Load(t, "desk https://desk.example.com {\n"+options+"\n}"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", options, err)
		}
	}
	for text, want := range map[string]string{
		"desk": "wrong argument count",
		"desk https://desk.example.com {\ntokn x\n}":      "did you mean 'token'",
		"desk https://desk.example.com {\ntoken x y z\n}": "quotes around",
	} {
		if _, err := triggertest.Adapt(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
