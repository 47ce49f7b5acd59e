package codemie

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/hookgate/hookgate/module/trigger"
)

// datasource has the datasource indexed again. The platform does that in the
// background; its answer says whether it has begun.
func (s *session) datasource(ctx context.Context) trigger.Result {
	if s.progress.Intent > 0 {
		return s.askIndex(ctx)
	}
	index, f := s.read(ctx, s.indexPath(), "project_name",
		"repo_name", "index_type", "is_fetching", "is_queued",
		"jira.jql", "xray.jql", "sharepoint.auth_type", "azure_devops_work_item.wiql_query",
		"azure_devops_wiki.wiki_query", "azure_devops_wiki.wiki_name")
	if f != nil {
		return f.Result
	}
	reindex, f := s.reindex(index)
	if f != nil {
		return f.Result
	}
	s.progress.Idle = !busy(index)
	a, f := s.start(ctx, reindex)
	if f != nil {
		if f.unclear {
			return s.askIndex(ctx)
		}
		return f.Result
	}
	message := a.text("message")
	switch {
	case message == "":
		return s.askIndex(ctx)
	case !strings.Contains(strings.ToLower(message), "started"):
		return s.failed(a, "nothing was started: "+message)
	}
	return delivered(a)
}

func (s *session) indexPath() string {
	return "/v1/index/" + url.PathEscape(s.event.Resource.ID)
}

func busy(index *answer) bool {
	return index.text("is_fetching") == "true" || index.text("is_queued") == "true"
}

// askIndex looks whether the datasource is being indexed after a start with an
// unclear end. It tells nothing if it was so before.
func (s *session) askIndex(ctx context.Context) trigger.Result {
	index, f := s.do(ctx, call{method: http.MethodGet, path: s.indexPath(), want: []string{"is_fetching", "is_queued"}})
	switch {
	case f != nil && f.StatusCode == http.StatusNotFound:
		return s.unknown()
	case f != nil:
		return s.asked(f)
	case s.progress.Idle && busy(index):
		return delivered(index)
	case index.problem != "":
		return s.asked(index.unusable())
	}
	return s.unknown()
}

// reindex returns the call that indexes a datasource of its type again, with
// the fields that the platform would otherwise take as changed.
func (s *session) reindex(index *answer) (call, *fault) {
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
			return call{}, invalid("a SharePoint datasource that a person signs in to cannot be indexed without that person")
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
		return call{}, invalid("a datasource of type " + s.quote(kind) + " cannot be indexed again")
	}
	for _, f := range index.fields {
		if f.cut {
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
