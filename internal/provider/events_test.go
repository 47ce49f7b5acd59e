package provider

import (
	"net/http"
	"slices"
	"testing"

	"github.com/hookgate/hookgate/internal/document"
)

// What a sender says happened stands in other places for some types of events.
func TestActions(t *testing.T) {
	tests := []struct {
		provider, event string // event: the header, where the sender has one
		body            string
		action          string
		wanted          string // by a filter
	}{
		{"github", "pull_request", `{"action":"opened","number":1,"pull_request":{"state":"open"}}`, "opened", "pull_request.opened"},
		{"github", "push", `{"ref":"refs/heads/main","commits":[]}`, "", "push"},
		{"gitlab", "Merge Request Hook", `{"object_kind":"merge_request","object_attributes":{"state":"merged","action":"merge"}}`, "merge", "merge_request.merge"},
		{"gitlab", "Note Hook", `{"object_kind":"note","event_type":"note","object_attributes":{"noteable_type":"Issue","action":"create"}}`, "create", "note.create"},
		{"gitlab", "Release Hook", `{"id":1,"tag":"v1.1","object_kind":"release","action":"create","assets":{"count":5}}`, "create", "release.create"},
		{"gitlab", "Release Hook", `{"object_kind":"release","action":"delete"}`, "delete", "Release Hook.delete"},
		{"gitlab", "Milestone Hook", `{"object_kind":"milestone","object_attributes":{"id":61,"state":"active"},"action":"close"}`, "close", "milestone.close"},
		{"gitlab-signing", "Milestone Hook", `{"object_kind":"milestone","object_attributes":{"id":61},"action":"reopen"}`, "reopen", "milestone.reopen"},
		{"gitlab", "Emoji Hook", `{"object_kind":"emoji","event_type":"award","object_attributes":{"name":"thumbsup","action":"revoke"}}`, "revoke", "emoji.revoke"},
		{"gitlab", "Pipeline Hook", `{"object_kind":"pipeline","object_attributes":{"id":31,"status":"failed","detailed_status":"failed"},"builds":[]}`, "failed", "pipeline.failed"},
		{"gitlab", "Job Hook", `{"object_kind":"build","build_id":1977,"build_status":"success","commit":{"status":"running"}}`, "success", "build.success"},
		{"gitlab", "Deployment Hook", `{"object_kind":"deployment","status":"running","deployment_id":15}`, "running", "deployment.running"},
		{"gitlab", "Wiki Page Hook", `{"object_kind":"wiki_page","wiki":{},"object_attributes":{"slug":"awesome","action":"create"}}`, "create", "wiki_page.create"},
		{"gitlab", "Feature Flag Hook", `{"object_kind":"feature_flag","object_attributes":{"name":"test","active":true}}`, "", "feature_flag"},
		{"gitlab", "Member Hook", `{"group_id":100,"event_name":"user_add_to_group"}`, "", "user_add_to_group"},
		{"gitlab", "Subgroup Hook", `{"group_id":10,"event_name":"subgroup_destroy"}`, "", "subgroup_destroy"},
		{"gitlab", "Project Hook", `{"event_name":"project_create"}`, "", "project_create"},
		{"gitlab", "Resource Access Token Hook", `{"object_kind":"access_token","object_attributes":{"id":25},"event_name":"expiring_access_token"}`, "", "expiring_access_token"},
		{"gitlab", "Vulnerability Hook", `{"object_kind":"vulnerability","object_attributes":{"state":"confirmed"}}`, "", "vulnerability"},
		{"gitlab", "System Hook", `{"object_kind":"merge_request","event_type":"merge_request","object_attributes":{"action":"open"}}`, "open", "merge_request.open"},
	}
	for _, test := range tests {
		p := mustLookup(t, test.provider)
		header := http.Header{}
		if test.event != "" {
			header[p.event[0].Header] = []string{test.event}
		}
		m, err := p.Read(header, document.New([]byte(test.body)))
		if err != nil {
			t.Fatal(err)
		}
		if names := slices.Collect(m.Names()); m.Action() != test.action || !slices.Contains(names, test.wanted) {
			t.Errorf("%s: %s: action %q, names %q; want %q and %q", test.provider, test.body, m.Action(), names, test.action, test.wanted)
		}
	}
}
