package admin

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/internal/gate"
	"github.com/hookgate/hookgate/module/storage"
)

func TestMatchEvents(t *testing.T) {
	a := newAPI(t)
	a.want(a.do("PUT", hook, strings.Replace(github, `{`, `{"event_filter":["push"],`, 1)), 201)
	in, err := a.Service.Get(t.Context(), a.View, "demo", "hook")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		event := &storage.Event{
			Integration: in.Identity, WebhookID: "hook", Project: "demo", Provider: "github", Type: "push", DeliveryID: fmt.Sprint(i),
			ResourceType: "ticket", ResourceID: "7",
			Header: http.Header{"X-Github-Event": {"push"}}, Body: fmt.Appendf(nil, `{"n":%d}`, i),
		}
		if _, _, err := a.Storage.Events().Append(t.Context(), event, storage.Dedupe{}); err != nil {
			t.Fatal(err)
		}
	}
	a.accept("demo", "hook", "binary")

	path := hook + "/events/match"
	a.want(a.do("POST", path, `{}`), 200, `"scanned":6,"matched":6,`, `"next_cursor":""`)
	a.want(a.do("POST", path, `{"event_filter":["release"]}`), 200, `"scanned":6,"matched":0,`, `"matched":false,"reason":"event_filter"`)
	a.want(a.do("POST", path, `{"match":"payload.n >= 3"}`), 200, `"scanned":6,"matched":2,`,
		`"delivery_id":"4","matched":true}`, `"delivery_id":"2","matched":false,"reason":"match"}`,
		`"delivery_id":"binary","matched":false,"reason":"body_unreadable","detail":"the payload is not JSON"}`)
	a.want(a.do("POST", path, `{"match":"payload.m == 1"}`), 200, `"matched":0,`, `"reason":"match_missing","detail":"no such key: m"`)
	a.want(a.do("GET", hook, ""), 200, `"event_filter":["push"]`) // nothing has changed

	page := a.want(a.do("POST", path+"?limit=4", `{"match":"payload.n >= 3"}`), 200, `"scanned":4,"matched":2,`)
	cursor := page.json["next_cursor"].(string)
	a.want(a.do("POST", path+"?cursor="+cursor, `{"match":"payload.n >= 1"}`), 200, `"scanned":2,"matched":1,`, `"next_cursor":""`)

	a.want(a.do("POST", path, `{"match":"nobody"}`), 400, "match: line 1, column 1: undeclared reference to 'nobody'")
	a.want(a.do("POST", path, `{"alias":"x"}`), 400, "alias: unknown field")
	a.want(a.do("POST", path+"?limit=0", `{}`), 400)
	a.want(a.do("POST", path+"?cursor=x", `{}`), 400)
	a.want(a.do("POST", path, `{}`, "Content-Type", "text/plain"), 415)
	a.want(a.do("POST", strings.Replace(path, "demo", "other", 1), `{}`), 404)
	a.want(a.do("GET", path, ""), 405)
}

// A call that ends early is gone on with: no event is left out or judged twice.
func TestMatchEventsIsBounded(t *testing.T) {
	a := newAPI(t)
	a.want(a.do("PUT", hook, github), 201)
	var want []string
	for i := range 5 {
		want = append([]string{a.accept("demo", "hook", fmt.Sprint(i)).String()}, want...)
	}
	in, err := a.Service.Get(t.Context(), a.View, "demo", "hook")
	if err != nil {
		t.Fatal(err)
	}
	route, err := gate.Compile(in)
	if err != nil {
		t.Fatal(err)
	}
	c := &call{Backend: a.Backend, r: httptest.NewRequestWithContext(t.Context(), "POST", hook, nil)}
	var got []string
	calls := 0
	for q := (storage.Query{Limit: 100}); calls == 0 || !q.Before.IsZero(); calls++ {
		answer, next, err := c.judge(in, route, q, 5) // two events of four bytes
		if err != nil || answer.Scanned > 2 {
			t.Fatalf("%+v, %v", answer, err)
		}
		for _, item := range answer.Items {
			got = append(got, item.ID)
		}
		q.Before = next
	}
	if !slices.Equal(got, want) || calls != 3 {
		t.Errorf("%d calls judged %v, want %v", calls, got, want)
	}
}
