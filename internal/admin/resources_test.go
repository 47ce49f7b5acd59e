package admin

import (
	"fmt"
	"testing"

	"github.com/hookgate/hookgate/internal/integration"
	"github.com/hookgate/hookgate/module/storage"
)

// acceptFor stores an event of the webhook ID hook for several resources, and
// lets an attempt for each fail.
func (a *api) acceptFor(resources ...integration.Resource) []storage.ID {
	a.Helper()
	in, err := a.Service.Get(a.Context(), a.View, "demo", "hook")
	if err != nil {
		a.Fatal(err)
	}
	events := a.Storage.Events()
	_, _, err = events.Append(a.Context(), &storage.Event{
		Integration: in.Identity, WebhookID: "hook", Project: "demo", Type: "push", DeliveryID: "d",
		ResourceType: resources[0].Type, ResourceID: resources[0].ID, Body: []byte("{}"),
	}, storage.Dedupe{}, resources[1:]...)
	if err != nil {
		a.Fatal(err)
	}
	records, _, _, err := events.List(a.Context(), in.Identity, storage.Query{Limit: len(resources)})
	if err != nil || len(records) != len(resources) {
		a.Fatal(records, err)
	}
	ids := make([]storage.ID, len(records))
	for i, r := range records {
		ids[len(ids)-1-i] = r.ID
		a.attempt("hook", r.ID, storage.Failed, noAttempt)
	}
	return ids
}

const withSeveral = `{"resource":[{"type":"ticket","id":"1"},{"type":"ticket","id":"2"}],"authentication":{"signature":{"provider":"github","secrets":["s"]}}}`

func TestSeveralResources(t *testing.T) {
	a := newAPI(t)
	a.want(a.do("PUT", hook, withSeveral), 201, `"resource":[{"type":"ticket","id":"1"},{"type":"ticket","id":"2"}]`)
	a.want(a.do("GET", hook, ""), 200, `"resource":[{"type":"ticket","id":"1"},{"type":"ticket","id":"2"}]`)
	ids := a.acceptFor(integration.Resource{Type: "ticket", ID: "1"}, integration.Resource{Type: "ticket", ID: "2"})
	a.want(a.do("GET", hook+"/events", ""), 200, `"resource":{"type":"ticket","id":"1"}`, `"resource":{"type":"ticket","id":"2"}`)
	a.want(a.do("GET", hook+"/events/"+ids[1].String(), ""), 200, `"resource":{"type":"ticket","id":"2"}`)

	// A replay goes to the event's own resource, while the integration has it.
	replay := func(i int) answer { return a.do("POST", hook+"/events/"+ids[i].String()+"/replay", "") }
	bulk := func(body string, matched, replayed, skipped int) {
		t.Helper()
		a.want(a.do("POST", hook+"/replay", body), 200, fmt.Sprintf(`{"matched":%d,"replayed":%d,"skipped":%d}`, matched, replayed, skipped))
	}
	a.want(a.do("PATCH", hook, `{"resource":[{"type":"ticket","id":"3"},{"type":"ticket","id":"2"}]}`), 200)
	a.want(replay(0), 409, "ticket 1", "no longer a resource of the integration")
	bulk(`{"dry_run":true}`, 2, 0, 1)
	a.want(replay(1), 202)
	if r := a.record("hook", a.newest("hook", ids[1])); r.ResourceID != "2" || r.ReplayOf != ids[1] {
		t.Errorf("%+v", r)
	}
	bulk(`{}`, 2, 0, 2)

	// A single resource gets everything, as always.
	a.want(a.do("PATCH", hook, `{"resource":{"type":"ticket","id":"4"}}`), 200, `"resource":{"type":"ticket","id":"4"}`)
	bulk(`{}`, 2, 1, 1)
	if r := a.record("hook", a.newest("hook", ids[0])); r.ResourceID != "4" {
		t.Errorf("%+v", r)
	}
	a.want(a.do("DELETE", hook, ""), 409, "pending")
	a.want(a.do("DELETE", hook+"?force=true", ""), 204)
}

// TestReplayOfSeveralIsRefused asks the rules for the resource of each event.
func TestReplayOfSeveralIsRefused(t *testing.T) {
	a := newAPI(t)
	a.want(a.do("PUT", hook, withSeveral), 201)
	ids := a.acceptFor(integration.Resource{Type: "ticket", ID: "1"}, integration.Resource{Type: "ticket", ID: "2"})
	a.View.Rules.Allow = func(project, _, id string) error {
		if id == "2" {
			return fmt.Errorf("%s may not use it", project)
		}
		return nil
	}
	a.want(a.do("POST", hook+"/events/"+ids[1].String()+"/replay", ""), 409, "may not use it")
	a.want(a.do("POST", hook+"/replay", `{"dry_run":true}`), 200, `{"matched":2,"replayed":0,"skipped":1}`)
	a.want(a.do("POST", hook+"/replay", `{}`), 200, `{"matched":2,"replayed":1,"skipped":1}`)
	if a.newest("hook", ids[0]) == ids[0] || a.newest("hook", ids[1]) != ids[1] {
		t.Error("another one was replayed")
	}
	for _, id := range []string{storage.ID{1}.String(), storage.ID{0xff}.String()} {
		a.want(a.do("POST", hook+"/events/"+id+"/replay", ""), 404)
	}
}
