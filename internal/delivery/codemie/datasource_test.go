package codemie_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/internal/delivery/codemietest"
	"github.com/hookgate/hookgate/module/trigger"
)

func TestDatasource(t *testing.T) {
	base := codemietest.Datasource{
		ID: "d", Project: "demo", Name: "my repo/1", JQL: "project = A", XrayJQL: "project = B",
		WikiQuery: "/docs", WikiName: "wiki", WIQL: "SELECT *", AuthType: "integration",
	}
	for _, test := range []struct{ kind, path, query, body string }{
		{"code", "/v1/application/demo/index/my%20repo%2F1", "full_reindex=true", `{}`},
		{"summary", "/v1/application/demo/index/my%20repo%2F1", "full_reindex=true", `{}`},
		{"chunk-summary", "/v1/application/demo/index/my%20repo%2F1", "full_reindex=true", `{}`},
		{"knowledge_base_confluence", "/v1/index/knowledge_base/confluence", "full_reindex=true", `{}`},
		{"knowledge_base_jira", "/v1/index/knowledge_base/jira", "incremental_reindex=true", `{"jql":"project = A"}`},
		{"knowledge_base_xray", "/v1/index/knowledge_base/xray", "incremental_reindex=true", `{"jql":"project = B"}`},
		{"knowledge_base_azure_devops_wiki", "/v1/index/knowledge_base/azure_devops_wiki", "full_reindex=true",
			`{"wiki_query":"/docs","wiki_name":"wiki"}`},
		{"knowledge_base_azure_devops_work_item", "/v1/index/knowledge_base/azure_devops_work_item", "full_reindex=true",
			`{"wiql_query":"SELECT *"}`},
		{"knowledge_base_sharepoint", "/v1/index/knowledge_base/sharepoint", "full_reindex=true", `{}`},
		{"llm_routing_google", "/v1/index/knowledge_base/google", "full_reindex=true", `{}`},
		{"provider", "/v1/index/provider/d/reindex", "", `{}`},
	} {
		t.Run(test.kind, func(t *testing.T) {
			b := newBench(t)
			datasource := base
			datasource.Type = test.kind
			b.AddDatasource(datasource)
			b.event("datasource", "d").expect(trigger.Delivered, "")
			if n := b.Reindexed("d"); n != 1 {
				t.Errorf("indexed %d times", n)
			}
			last := started(b)
			if last.Path != test.path || last.Query != test.query {
				t.Errorf("called %s?%s", last.Path, last.Query)
			}
			var got, want map[string]any
			if err := json.Unmarshal(last.Body, &got); err != nil {
				t.Fatal(err)
			}
			_ = json.Unmarshal([]byte(test.body), &want)
			if test.path[:20] == "/v1/index/knowledge_" {
				want["name"], want["project_name"] = "my repo/1", "demo"
			}
			if len(got) != len(want) {
				t.Errorf("sent %s", last.Body)
			}
			for name, value := range want {
				if got[name] != value {
					t.Errorf("sent %s", last.Body)
				}
			}
		})
	}
}

// started returns the last request that changed something.
func started(b *bench) codemietest.Request {
	b.t.Helper()
	for _, request := range slices.Backward(b.Requests()) {
		if request.Method == "PUT" {
			return request
		}
	}
	b.t.Fatal("nothing was started")
	return codemietest.Request{}
}

func TestDatasourceThatCannotBeIndexed(t *testing.T) {
	for _, datasource := range []codemietest.Datasource{
		{Type: "knowledge_base_file"},
		{Type: "knowledge_base_bedrock"},
		{Type: "platform_marketplace_assistant"},
		{Type: "something_new"},
		{Type: "knowledge_base_sharepoint", AuthType: "oauth_codemie"},
		{Type: "knowledge_base_jira", JQL: ""},
	} {
		b := newBench(t)
		datasource.ID, datasource.Project, datasource.Name = "d", "demo", "n"
		b.AddDatasource(datasource)
		if result := b.event("datasource", "d").expect(trigger.Fail, trigger.ErrResourceInvalid); result.Detail == "" {
			t.Errorf("%s: no detail", datasource.Type)
		}
		if b.Reindexed("d") != 0 || len(b.Requests()) != 1 {
			t.Errorf("%s: something was called", datasource.Type)
		}
	}
}

// TestLongWords index a datasource again whose last error is long, and none
// whose query is longer than what is read of it.
func TestLongWords(t *testing.T) {
	long := strings.Repeat("x", 20<<10)
	b := newBench(t)
	b.AddDatasource(codemietest.Datasource{ID: "d", Project: "demo", Name: "n", Type: "code", Error: long})
	b.event("datasource", "d").expect(trigger.Delivered, "")
	b.AddDatasource(codemietest.Datasource{ID: "d", Project: "demo", Name: "n", Type: "knowledge_base_jira", JQL: long})
	b.event("datasource", "d").expect(trigger.Fail, trigger.ErrResourceInvalid)
	if b.Reindexed("d") != 0 {
		t.Error("it was indexed with half a query")
	}
}

func TestNothingStarted(t *testing.T) {
	b := newBench(t)
	b.AddDatasource(codemietest.Datasource{ID: "d", Project: "demo", Name: "n", Type: "code"})
	b.SetSilent(true)
	result := b.event("datasource", "d").expect(trigger.Fail, trigger.ErrRunFailed)
	if result.Detail != "nothing was started: Edit successful" {
		t.Errorf("detail %q", result.Detail)
	}
}
