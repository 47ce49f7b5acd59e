package codemie

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/hookgate/hookgate/module/trigger"
)

// reindexCall returns the call that reindexes a datasource of its type, with
// the fields that the platform would otherwise consider changed.
func (s *session) reindexCall(index *answer) (call, *fault) {
	project, name := index.text("project_name"), index.text("repo_name")
	if project == "" || name == "" {
		return call{}, index.unusable()
	}
	body := map[string]any{"name": name, "project_name": project}
	var path string
	switch kind := index.text("index_type"); kind {
	case "code", "summary", "chunk-summary", "svn":
		path = "/v1/application/" + url.PathEscape(project) + "/index/" + url.PathEscape(name) + "?full_reindex=true"
		body = map[string]any{}
	case "knowledge_base_confluence":
		path = knowledgeBase + "confluence?full_reindex=true"
	case "knowledge_base_jira":
		path = knowledgeBase + "jira?incremental_reindex=true"
		body["jql"] = index.text("jira.jql")
	case "knowledge_base_xray":
		path = knowledgeBase + "xray?incremental_reindex=true"
		body["jql"] = index.text("xray.jql")
	case "knowledge_base_azure_devops_wiki":
		path = knowledgeBase + "azure_devops_wiki?full_reindex=true"
		body["wiki_query"] = index.text("azure_devops_wiki.wiki_query")
		body["wiki_name"] = index.text("azure_devops_wiki.wiki_name")
	case "knowledge_base_azure_devops_work_item":
		path = knowledgeBase + "azure_devops_work_item?full_reindex=true"
		body["wiql_query"] = index.text("azure_devops_work_item.wiql_query")
	case "knowledge_base_sharepoint":
		if strings.HasPrefix(index.text("sharepoint.auth_type"), "oauth") {
			return call{}, invalid("a SharePoint datasource that a person signs in to cannot be reindexed without that person")
		}
		path = knowledgeBase + "sharepoint?full_reindex=true"
	case "llm_routing_google":
		path = knowledgeBase + "google?full_reindex=true"
	case "provider":
		path = "/v1/index/provider/" + url.PathEscape(s.event.Resource.ID) + "/reindex"
		body = map[string]any{}
	case "":
		return call{}, index.unusable()
	default:
		return call{}, invalid("a datasource of type " + s.quote(kind) + " cannot be reindexed")
	}
	for name, f := range index.fields {
		if f.cut && name != "text" {
			return call{}, invalid("a query of the datasource is too long")
		}
	}
	if jql, needed := body["jql"]; needed && jql == "" {
		return call{}, invalid("the datasource has no JQL")
	}
	return call{method: http.MethodPut, path: path, body: body, want: []string{"message"}}, nil
}

const knowledgeBase = "/v1/index/knowledge_base/"

func invalid(detail string) *fault {
	return &fault{Result: trigger.Result{
		Verdict: trigger.Fail, Error: trigger.ErrResourceInvalid, Detail: detail,
	}}
}
