package gate

import (
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookgate/hookgate/internal/credential"
	"github.com/hookgate/hookgate/internal/integration"
	"github.com/hookgate/hookgate/internal/match"
	"github.com/hookgate/hookgate/internal/payload"
	"github.com/hookgate/hookgate/module/storage"
)

func TestMatch(t *testing.T) {
	opened := `{"action":"opened","pull_request":{"base":{"ref":"main"}}}`
	tests := []struct {
		name, match, body string
		filter            []string
		outcome           Outcome
		reason            string
	}{
		{name: "wanted", match: `payload.pull_request.base.ref == "main" && action == "opened"`, body: opened, outcome: Accepted},
		{name: "names", match: `event == "pull_request" && delivery_id == "d-1" && webhook_id == "hook" && project == "demo"`, body: opened, outcome: Accepted},
		{name: "headers", match: `headers["x-github-event"] == event && headers["content-type"] == "application/json"`, body: opened, outcome: Accepted},
		{name: "no credential", match: `headers.all(name, !name.contains("signature"))`, body: opened, outcome: Accepted},
		{name: "not wanted", match: `payload.pull_request.base.ref != "main"`, body: opened, outcome: Filtered},
		{name: "missing", match: `payload.pull_request.head.ref == "main"`, body: opened, outcome: Filtered, reason: "match_missing"},
		{name: "no JSON", match: `payload.a == 1`, body: `a=1`, outcome: Invalid, reason: "body_unreadable"},
		{name: "deep", match: `payload.a == 1`, body: strings.Repeat(`{"a":`, 100_000), outcome: Invalid, reason: "body_unreadable"},
		{name: "no JSON for the action", match: `action == "opened"`, body: `a=1`, outcome: Invalid, reason: "body_unreadable"},
		{name: "no JSON is needed", match: `event == "pull_request" || payload.a == 1`, body: `a=1`, outcome: Accepted},
		{name: "too long a text", match: `payload.a == "x"`, body: `{"a":"` + strings.Repeat("x", 200_000) + `"}`, outcome: Filtered, reason: "match_payload"},
		{name: "beside a filter", match: `true`, filter: []string{"push"}, body: opened, outcome: Filtered},
		{name: "after a filter", match: `payload.number == 1`, filter: []string{"push"}, body: opened, outcome: Filtered},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := newBackend(t, github(func(it *integration.Integration) { it.Match, it.EventFilter = test.match, test.filter }))
			s := serve(t, b, New(Settings{}))
			got := s.post(t, "/webhooks/hook", signed("pull_request", "d-1", test.body), test.body)
			want := reply{status: 200, body: `{"status":"filtered","event":"pull_request"}`}
			switch test.outcome {
			case Accepted:
				want = reply{status: 202, body: accepted(1)}
			case Invalid:
				want = reply{status: 400, body: string(unreadable.body)}
			}
			if got.status != want.status || got.body != want.body {
				t.Errorf("answered %d %s", got.status, got.body)
			}
			if seen := s.lastSeen(t, 1); seen.Outcome != test.outcome || seen.Reason != test.reason {
				t.Errorf("seen %s, %q", seen.Outcome, seen.Reason)
			}
		})
	}
}

// Nobody finds out by a request without a credential what an expression wants,
// and a ping is answered whatever it wants.
func TestMatchIsAskedLast(t *testing.T) {
	b := newBackend(t, github(func(it *integration.Integration) { it.Match = "false" }))
	s := serve(t, b, New(Settings{}))
	if got := s.post(t, "/webhooks/hook", http.Header{"X-Github-Event": {"push"}}, push); got.status != 401 {
		t.Errorf("unsigned: %d", got.status)
	}
	if got := s.post(t, "/webhooks/hook", signed("ping", "d-1", push), push); got.body != `{"status":"pong"}` {
		t.Errorf("ping: %s", got.body)
	}
}

func TestCompileShape(t *testing.T) {
	route, err := Compile(github())
	if err != nil || route.Shape() != nil {
		t.Errorf("without a payload: %v, %v", route.Shape(), err)
	}
	route, err = Compile(github(func(it *integration.Integration) { it.Payload = &payload.Spec{Template: "x"} }))
	if err != nil || route.Shape() == nil {
		t.Errorf("with a payload: %v", err)
	}
	for name, change := range map[string]func(*integration.Integration){
		"match":   func(it *integration.Integration) { it.Match = "nobody" },
		"payload": func(it *integration.Integration) { it.Payload = &payload.Spec{} },
	} {
		if _, err := Compile(github(change)); err == nil || !strings.Contains(err.Error(), "preparing hook: "+name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestJudge(t *testing.T) {
	stored := func(event, body string) *storage.Event {
		header := signed(event, "d-1", body)
		delete(header, "X-Hub-Signature-256")
		return &storage.Event{Provider: "github", WebhookID: "hook", Project: "demo", Type: event, Header: header, Body: []byte(body)}
	}
	for _, test := range []struct {
		filter []string
		match  string
		event  *storage.Event
		want   string
	}{
		{nil, "", stored("push", push), ""},
		{nil, "", stored("ping", push), "ping"},
		{[]string{"ping"}, "", stored("ping", push), ""},
		{[]string{"release"}, "", stored("push", push), "event_filter"},
		{[]string{"issues.opened"}, `action == "opened"`, stored("issues", `{"action":"opened"}`), ""},
		{nil, `payload.ref == "refs/heads/main" && project == "demo"`, stored("push", push), ""},
		{nil, `payload.ref == "refs/heads/next"`, stored("push", push), "match"},
		{nil, `payload.head == ""`, stored("push", push), "match_missing"},
	} {
		route, err := Compile(github(func(it *integration.Integration) { it.EventFilter, it.Match = test.filter, test.match }))
		if err != nil {
			t.Fatal(err)
		}
		if got := route.Judge(t.Context(), test.event); got.Reason != test.want || got.Wanted != (test.want == "") {
			t.Errorf("%v %s: %+v, want %q", test.filter, test.match, got, test.want)
		}
	}
}

// A request with many events, none of which a long filter wants, waits for those of
// its own project alone.
func TestBatchesTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// What a project has used up outlives a test, whose clock does not.
		busy := "busy-" + rand.Text()
		var ends []func()
		for range max(1, runtime.GOMAXPROCS(0)/2) {
			end, err := match.Turn(t.Context(), busy, 0)
			if err != nil {
				t.Fatal(err)
			}
			ends = append(ends, end)
		}
		for project, status := range map[string]int{busy: 503, "other": 200} {
			in := github(func(it *integration.Integration) {
				it.Project, it.EventFilter = project, []string{"deal.creation"}
				it.Authentication = integration.Authentication{Credentials: credential.NewSet(&credential.Bearer{Tokens: secrets("t")}, &credential.Signature{Provider: "hubspot", Secrets: secrets("s")}), Match: integration.MatchAny}
			})
			w := &recorder{header: make(http.Header)}
			body := `[{"subscriptionType":"contact.creation"},{"subscriptionType":"contact.deletion"}]`
			r := httptest.NewRequest("POST", "/webhooks/hook", strings.NewReader(body))
			r.Header.Set("Authorization", "Bearer t")
			b := newBackend(t, in)
			began := time.Now()
			seen := New(Settings{}).Serve(w, r, "", b.Acquire)
			if w.status != status || status == 200 && time.Since(began) > 0 || status == 503 && seen.Reason != "match_busy" {
				t.Errorf("%s: %d %s after %v", project, w.status, w.body, time.Since(began))
			}
		}
		for _, end := range ends {
			end()
		}
	})
}
