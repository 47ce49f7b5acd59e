package integrationtests

import (
	"fmt"
	"testing"

	"github.com/hookgate/hookgate/integration-tests/gateway"
)

// TestActions filters by action, which GitLab writes in different places for
// some of its events.
func TestActions(t *testing.T) {
	t.Parallel()
	g, sink := edge(t, "integration gitlab {\nproject demo\nsignature gitlab "+token+"\nresource ticket T-1\n"+
		"event_filter release.create milestone.close emoji.award pipeline.failed build.failed deployment.failed\n}\n")
	for i, test := range []struct{ event, wanted, unwanted string }{
		{"Release Hook", `{"object_kind":"release","tag":"v1.1","action":"create"}`, `{"object_kind":"release","tag":"v1.1","action":"delete"}`},
		{
			"Milestone Hook",
			`{"object_kind":"milestone","object_attributes":{"state":"closed"},"action":"close"}`,
			`{"object_kind":"milestone","object_attributes":{"state":"active"},"action":"reopen"}`,
		},
		{
			"Emoji Hook",
			`{"object_kind":"emoji","event_type":"award","object_attributes":{"name":"thumbsup","action":"award"}}`,
			`{"object_kind":"emoji","event_type":"revoke","object_attributes":{"name":"thumbsup","action":"revoke"}}`,
		},
		{
			"Pipeline Hook",
			`{"object_kind":"pipeline","object_attributes":{"status":"failed"},"builds":[{"status":"success"}]}`,
			`{"object_kind":"pipeline","object_attributes":{"status":"success"},"builds":[{"status":"failed"}]}`,
		},
		{"Job Hook", `{"object_kind":"build","build_status":"failed"}`, `{"object_kind":"build","build_status":"running"}`},
		{"Deployment Hook", `{"object_kind":"deployment","status":"failed"}`, `{"object_kind":"deployment","status":"success"}`},
	} {
		wanted := gateway.GitLab(token, test.event, fmt.Sprint("wanted-", i))
		if got := sink.Wait(accept(t, g.Post("/webhooks/gitlab", wanted, []byte(test.wanted)))); string(got.Body) != test.wanted {
			t.Errorf("%s: the sink got %s", test.event, got.Body)
		}
		unwanted := gateway.GitLab(token, test.event, fmt.Sprint("unwanted-", i))
		is(t, g.Post("/webhooks/gitlab", unwanted, []byte(test.unwanted)), 200, `{"status":"filtered","event":"`+test.event+`"}`)
	}
}
