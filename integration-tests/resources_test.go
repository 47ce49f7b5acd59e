package integrationtests

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/integration-tests/gateway"
)

// severalResources is a Caddyfile integration for a ticket and two desks.
const severalResources = `integration several {
	project demo
	signature github "` + secret + `"
	resource ticket T-1
	resource desk D-1
	resource desk D-2
}
`

// desks is a trigger for the resource type desk.
func desks(sink *gateway.Sink) string {
	return strings.Replace(gateway.Ticket(sink), "http ticket", "http desk", 1)
}

// eventsOf returns an integration's events by their resource's ID. There is one
// for each, with the same type and delivery ID.
func eventsOf(t *testing.T, g *gateway.Gateway, id string) map[string]gateway.M {
	t.Helper()
	events := make(map[string]gateway.M)
	for _, item := range list(t, g, gateway.Integration(demo, id, "events")) {
		name := item["resource"].(gateway.M)["id"].(string)
		if events[name] != nil || item["event"] != "push" || item["delivery_id"] != "d-1" {
			t.Fatalf("the event is %v", item)
		}
		events[name] = item
	}
	return events
}

// TestSeveralResources sends an event for three resources, one of which is
// dead, and kills the process: the others get it, and the sender's next
// delivery requeues exactly the failed one.
func TestSeveralResources(t *testing.T) {
	t.Parallel()
	tickets, desk := gateway.NewSink(t), gateway.NewSink(t)
	desk.Answer(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/D-1" {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	g := gateway.Start(t, gateway.Config(soon+gateway.Ticket(tickets)+desks(desk)+severalResources, gateway.Edge))
	send := func() *gateway.Answer {
		return g.Post("/webhooks/several", gateway.GitHub(secret, "push", "d-1", body), body)
	}
	first := accept(t, send())
	events := eventsOf(t, g, "several")
	if len(events) != 3 || events["T-1"]["id"] != first {
		t.Fatalf("the 202 says %s, and there are %v", first, events)
	}
	id := func(name string) string { return events[name]["id"].(string) }
	for sink, name := range map[*gateway.Sink]string{tickets: "T-1", desk: "D-2"} {
		g.WaitStatus(t, demo, "several", id(name), "delivered")
		if got := sink.Wait(id(name)); !bytes.Equal(got.Body, body) || got.URI != "/"+name || got.Header.Get("Idempotency-Key") != id(name) {
			t.Errorf("%s got %q", got.URI, got.Body)
		}
	}
	desk.Wait(id("D-1"))
	duplicate := `{"status":"duplicate","id":"` + first + `"}`
	is(t, send(), http.StatusOK, duplicate)
	g.Kill()
	g.Start()
	is(t, send(), http.StatusOK, duplicate)
	if after := eventsOf(t, g, "several"); len(after) != 3 || after["T-1"]["status"] != "delivered" || after["D-2"]["status"] != "delivered" {
		t.Fatalf("after a crash there are %v", after)
	}

	desk.AnswerStatus(http.StatusUnprocessableEntity)
	g.WaitStatus(t, demo, "several", id("D-1"), "failed")
	desk.Answer(nil)
	if again := accept(t, send()); again != first {
		t.Errorf("the 202 says %s, want %s", again, first)
	}
	g.WaitStatus(t, demo, "several", id("D-1"), "delivered")
	is(t, send(), http.StatusOK, duplicate)
	for name, sink := range map[string]*gateway.Sink{"T-1": tickets, "D-2": desk} {
		if n := len(sink.Of(id(name))); n != 1 {
			t.Errorf("%s arrived %d times", name, n)
		}
	}
	if keys := desk.Of(id("D-1")); keys[len(keys)-1].Header.Get("Idempotency-Key") != id("D-1")+".2" {
		t.Errorf("the last Idempotency-Key is %q", keys[len(keys)-1].Header.Get("Idempotency-Key"))
	}
}

// TestSeveralResourcesByAdmin changes the resources through the admin API.
func TestSeveralResourcesByAdmin(t *testing.T) {
	t.Parallel()
	g, sink := admin(t, soon)
	resources := func(ids ...string) (all []gateway.M) {
		for _, id := range ids {
			all = append(all, gateway.M{"type": "ticket", "id": id})
		}
		return all
	}
	created := g.Create(t, demo, github("gh", "resource", resources("A", "B")))
	if got := fmt.Sprint(created["resource"]); got != "[map[id:A type:ticket] map[id:B type:ticket]]" {
		t.Errorf("the resource is %s", got)
	}
	path := gateway.Integration(demo, "gh")
	refused(t, g.API("PATCH", path, gateway.M{"resource": resources("A", "A")}), 400, "resource[1]", "repeated")
	refused(t, g.API("PATCH", path, gateway.M{"resource": []gateway.M{}}), 400, "resource")
	refused(t, g.API("PATCH", path, gateway.M{"resource": append(resources("A"), gateway.M{"type": "desk", "id": "B"})}), 400, "resource[1]", "no trigger")

	sink.AnswerStatus(http.StatusUnprocessableEntity)
	accept(t, g.Post("/webhooks/gh", gateway.GitHub(secret, "push", "d-1", body), body))
	events := eventsOf(t, g, "gh")
	for _, event := range events {
		g.WaitStatus(t, demo, "gh", event["id"].(string), "failed")
	}
	sink.AnswerStatus(http.StatusNoContent)
	g.API("PATCH", path, gateway.M{"resource": resources("B", "C")}).Want(t, 200)
	refused(t, g.API("POST", path+"/events/"+events["A"]["id"].(string)+"/replay", nil), 409, "ticket A", "no longer")
	is(t, g.API("POST", path+"/replay", gateway.M{"dry_run": true}), 200, `{"matched":2,"replayed":0,"skipped":1}`)
	is(t, g.API("POST", path+"/replay", gateway.M{}), 200, `{"matched":2,"replayed":1,"skipped":1}`)
	gateway.Eventually(t, "the replay has arrived", func() bool { return len(sink.Events()) == 3 })
	if last := sink.Deliveries(); last[len(last)-1].URI != "/B" {
		t.Errorf("the replay went to %s", last[len(last)-1].URI)
	}
	test := g.API("POST", path+"/test", nil).Want(t, 200).JSON(t)
	gateway.Eventually(t, "the test event has arrived at both", func() bool { return len(sink.Events()) == 5 })
	if n := len(sink.Of(test["event_id"].(string))); n != 1 {
		t.Errorf("the test event %v arrived %d times", test["event_id"], n)
	}
	if out, err := g.Command("webhooks", "integrations", "list", "--address", g.Admin); err != nil || !strings.Contains(out, "ticket B, ticket C") {
		t.Errorf("%v: %s", err, out)
	}
	one := g.API("PATCH", path, gateway.M{"resource": resources("D")}).Want(t, 200).JSON(t)
	if got := fmt.Sprint(one["resource"]); got != "map[id:D type:ticket]" {
		t.Errorf("a list of one is shown as %s", got)
	}
	g.API("DELETE", path+"?force=true", nil).Want(t, 204)
}
