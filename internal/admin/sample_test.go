package admin

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/hookgate/hookgate/internal/gate"
	"github.com/hookgate/hookgate/internal/integration"
)

// edge is a gate's integrations over the API's storage.
type edge struct {
	gate.Integrations // what a test event does not need is nil, and panics
	*api
}

func (e edge) Route(ctx context.Context, webhookID string) (*gate.Route, error) {
	in, err := e.Service.Lookup(ctx, integration.View{}, webhookID)
	if in == nil || err != nil {
		return nil, err
	}
	return gate.Compile(in)
}

func (e edge) Use(ctx context.Context, in *integration.Integration) { e.Service.Use(ctx, in) }

func TestTestEvent(t *testing.T) {
	a := newAPI(t)
	a.Tests, a.PublicURL = new(Quota), func(string) string { return "" }
	a.Edge = &gate.Config{
		Integrations: edge{api: a}, Events: a.Storage.Events(), Flight: gate.NewFlight(0),
		Serves: func(string) bool { return true },
	}
	const form = `{"webhook_id":"%s","is_enabled":%t,"resource":{"type":"ticket","id":"1"},
		"authentication":{"signature":{"provider":"github","secrets":["s"]}}}`
	for id, enabled := range map[string]bool{"on": true, "off": false} {
		if got := a.do("POST", "/webhooks/projects/demo/integrations", fmt.Sprintf(form, id, enabled)); got.status != http.StatusCreated {
			t.Fatal(got.text)
		}
	}
	send := func(project, id string) answer {
		return a.do("POST", "/webhooks/projects/"+project+"/integrations/"+id+"/test", "")
	}
	for project, id := range map[string]string{"demo": "none", "other": "on"} {
		if got := send(project, id); got.status != http.StatusNotFound {
			t.Errorf("%s of %s: %d %s", id, project, got.status, got.text)
		}
	}
	if got := send("demo", "off"); got.status != http.StatusConflict {
		t.Errorf("disabled: %d %s", got.status, got.text)
	}
	for range testsAtOnce {
		got := send("demo", "on")
		inner, _ := got.json["body"].(map[string]any)
		if got.status != http.StatusOK || got.json["status_code"] != 202.0 || len(got.json) != 3 ||
			inner["status"] != "accepted" || inner["id"] != got.json["event_id"] || got.json["event_id"] == "" {
			t.Fatalf("%d %s", got.status, got.text)
		}
	}
	got := send("demo", "on")
	if wait := got.header.Get("Retry-After"); got.status != http.StatusTooManyRequests || wait != "60" && wait != "59" {
		t.Errorf("one more: %d %s, Retry-After %q", got.status, got.text, wait)
	}
	if got := a.do("GET", "/webhooks/projects/demo/integrations/on/test", ""); got.status != 405 || got.header.Get("Allow") != "POST" {
		t.Errorf("GET: %d %s", got.status, got.text)
	}
}

func TestQuota(t *testing.T) {
	var q Quota
	start := time.Now()
	for i := range testsAtOnce {
		if wait := q.take("a", start.Add(time.Duration(i)*time.Second)); wait != 0 {
			t.Fatalf("test %d waits %v", i, wait)
		}
	}
	for _, test := range []struct {
		project string
		after   time.Duration
		want    time.Duration
	}{
		{"a", 10 * time.Second, 50 * time.Second},
		{"b", 10 * time.Second, 0},
		{"a", 60*time.Second - 1, 1},
		{"a", 60 * time.Second, 0},
		{"a", 60 * time.Second, time.Second},
		{"a", 61 * time.Second, 0},
	} {
		if wait := q.take(test.project, start.Add(test.after)); wait != test.want {
			t.Errorf("%s after %v waits %v, want %v", test.project, test.after, wait, test.want)
		}
	}
	if q.take("b", start.Add(time.Hour)); len(q.sent) != 1 {
		t.Errorf("%d projects are remembered", len(q.sent))
	}
}
