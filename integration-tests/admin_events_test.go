package integrationtests

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/integration-tests/gateway"
)

func TestAdminEvents(t *testing.T) {
	t.Parallel()
	g, sink := admin(t, soon+declared("gh")+declared("other"))
	events := gateway.Integration(demo, "gh", "events")
	if items := list(t, g, events); len(items) != 0 {
		t.Errorf("at first there are %v", items)
	}
	var ids []string
	for i := range 5 {
		sink.AnswerStatus([]int{http.StatusOK, http.StatusBadRequest}[i%2])
		id := push(g, t, "gh", fmt.Sprint("delivery-", i))
		g.WaitStatus(t, demo, "gh", id, []string{"delivered", "failed"}[i%2])
		ids = append([]string{id}, ids...)
	}
	page := func(query string) []string {
		var got []string
		for _, item := range list(t, g, events+query) {
			got = append(got, item["id"].(string))
		}
		return got
	}
	if got := page(""); !slices.Equal(got, ids) {
		t.Errorf("the events are %v, want %v", got, ids)
	}
	if got, want := page("?status=failed"), []string{ids[1], ids[3]}; !slices.Equal(got, want) {
		t.Errorf("failed are %v, want %v", got, want)
	}
	if got := page("?status=pending"); len(got) != 0 {
		t.Errorf("pending are %v", got)
	}
	refused(t, g.API("GET", events+"?status=unheard-of", nil), 400)

	var paged []string
	cursor := ""
	for {
		answer := g.API("GET", events+"?limit=2&cursor="+cursor, nil).Want(t, 200).JSON(t)
		for _, item := range answer["items"].([]any) {
			paged = append(paged, item.(gateway.M)["id"].(string))
		}
		if cursor, _ = answer["next_cursor"].(string); cursor == "" {
			break
		}
	}
	if !slices.Equal(paged, ids) {
		t.Errorf("the pages have %v, want %v", paged, ids)
	}
	first := list(t, g, events)[0]
	for field, want := range map[string]any{"event": "push", "delivery_id": "delivery-4", "status": "delivered", "held": false} {
		if first[field] != want {
			t.Errorf("%s is %v, want %v", field, first[field], want)
		}
	}
	if _, shown := first["body_base64"]; shown || first["received_at"] == nil {
		t.Errorf("the list has %v", first)
	}

	text := g.API("GET", events+"/"+ids[0], nil).Want(t, 200)
	event := text.JSON(t)
	if got, err := base64.StdEncoding.DecodeString(event["body_base64"].(string)); err != nil || !bytes.Equal(got, body) {
		t.Errorf("the event's body is %q", got)
	}
	if lower := bytes.ToLower(text.Body); !bytes.Contains(lower, []byte("x-github-delivery")) || bytes.Contains(lower, []byte("x-hub-signature")) {
		t.Errorf("the event's headers: %s", text.Body)
	}
	refused(t, g.API("GET", gateway.Integration(demo, "other", "events", ids[0]), nil), 404)
	refused(t, g.API("GET", events+"/"+strings.Repeat("0", 26), nil), 404)
	refused(t, g.API("GET", events+"/short", nil), 400)
}

func TestAdminDelete(t *testing.T) {
	t.Parallel()
	g, sink := admin(t, "retry {\ninitial 2s\nmax 2s\n}\n")
	path := gateway.Integration(demo, "gh")
	g.Create(t, demo, github("gh"))
	sink.AnswerStatus(http.StatusServiceUnavailable)
	id := push(g, t, "gh", "1")
	sink.Wait(id)
	refused(t, g.API("DELETE", path, nil), 409)
	accept(t, g.Post("/webhooks/gh", gateway.GitHub(secret, "push", "2", body), body))
	g.API("DELETE", path+"?force=true", nil).Want(t, 204)
	problem(t, g.Post("/webhooks/gh", gateway.GitHub(secret, "push", "3", body), body), 404)
	refused(t, g.API("GET", path+"/events", nil), 404)

	refused(t, g.API("POST", gateway.Integrations("other"), github("gh")), 409)
	refused(t, g.API("PUT", gateway.Integration("other", "gh"), github("gh")), 409)
	g.Kill()
	g.Start()
	refused(t, g.API("POST", gateway.Integrations("other"), github("gh")), 409)
	sink.Answer(nil)
	before := len(sink.Deliveries())
	g.Create(t, demo, github("gh"))
	if items := list(t, g, path+"/events"); len(items) != 0 {
		t.Errorf("the new integration has the old one's events: %v", items)
	}
	if again := push(g, t, "gh", "1"); again == id {
		t.Error("the new integration remembers the old one's deliveries")
	} else {
		sink.Wait(again)
	}
	if n := len(sink.Deliveries()); n != before+1 {
		t.Errorf("%d deliveries after the deletion, want 1", n-before)
	}
}

func TestAdminStatus(t *testing.T) {
	t.Parallel()
	g, sink := admin(t, "retry {\ninitial 1m\n}\n"+declared("gh"))
	status := func() gateway.M { return g.API("GET", "/webhooks/status", nil).Want(t, 200).JSON(t) }
	counts := func() gateway.M { return status()["events"].(gateway.M) }
	store := status()["store"].(gateway.M)
	if store["state"] != "ok" {
		t.Errorf("the store is %v", store)
	}
	for _, field := range []string{"size_bytes", "disk_free_bytes"} {
		if n, ok := store[field].(float64); !ok || n < 0 || field == "disk_free_bytes" && n == 0 {
			t.Errorf("%s is %v", field, store[field])
		}
	}
	triggers := status()["triggers"].([]any)
	if len(triggers) != 1 || triggers[0].(gateway.M)["resource_type"] != "ticket" || triggers[0].(gateway.M)["in_flight"] != 0.0 {
		t.Errorf("triggers are %v", triggers)
	}
	sink.AnswerStatus(http.StatusServiceUnavailable)
	sink.Wait(push(g, t, "gh", "pending"))
	gateway.Eventually(t, "one event is pending", func() bool { return counts()["pending"] == 1.0 })
	sink.AnswerStatus(http.StatusBadRequest)
	push(g, t, "gh", "failed")
	gateway.Eventually(t, "one event has failed", func() bool { return counts()["failed"] == 1.0 })
	if seconds, ok := counts()["oldest_pending_seconds"].(float64); !ok || seconds < 0 || seconds > 60 {
		t.Errorf("oldest_pending_seconds is %v", counts()["oldest_pending_seconds"])
	}
}
