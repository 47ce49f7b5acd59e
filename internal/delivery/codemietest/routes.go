package codemietest

import "net/http"

const (
	chatRoute    = "POST /v1/assistants/{id}/model"
	executeRoute = "POST /v1/workflows/{id}/executions"
)

// routes are the platform's, with its answers.
func (p *Platform) routes() {
	p.handle("GET /v1/assistants/id/{id}", p.assistant)
	p.handle(chatRoute, p.chat)
	p.handle("GET /v1/tasks/{id}", p.task)
	p.handle("POST /v1/conversations", p.createConversation)
	p.handle("GET /v1/conversations", p.listConversations)
	p.handle("PUT /v1/conversations/{id}", p.updateConversation)
	p.handle("GET /v1/conversations/{id}", p.conversation)
	p.handle("DELETE /v1/conversations/{id}", p.deleteConversation)
	p.handle("GET /v1/workflows/id/{id}", p.workflow)
	p.handle(executeRoute, p.execute)
	p.handle("GET /v1/workflows/{id}/executions/{execution}", p.execution)
	p.handle("GET /v1/workflows/{id}/executions/{execution}/states", p.states)
	p.handle("PUT /v1/workflows/{id}/executions/{execution}/abort", p.abort)
	p.handle("GET /v1/index/{id}", p.index)
	p.handle("PUT /v1/application/{project}/index/{name}", p.reindexCode)
	p.handle("PUT /v1/index/provider/{id}/reindex", p.reindexProvider)
	p.handle("PUT /v1/index/knowledge_base/{kind}", p.reindexKnowledgeBase)
	p.handle("GET /v1/settings/project", p.listSettings)
}

// missing are the routes whose handlers take any error for a missing object,
// with their message.
var missing = map[string]string{
	"GET /v1/tasks/{id}":        "Task not found",
	"GET /v1/workflows/id/{id}": "Workflow not found",
}

// handle protects a route with the token, and all state with one lock.
func (p *Platform) handle(route string, serve http.HandlerFunc) {
	p.mux.HandleFunc(route, func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		switch r.Header.Get("Authorization") {
		case "Bearer " + p.token:
		case "":
			writeError(w, http.StatusUnauthorized, "Authentication failed")
			return
		default:
			writeError(w, http.StatusUnauthorized, "Token validation failed")
			return
		}
		switch message := missing[route]; {
		case p.away && message != "":
			writeError(w, http.StatusNotFound, message)
		case p.away:
			Crash(w, r)
		default:
			serve(w, r)
		}
	})
}

func (p *Platform) assistant(w http.ResponseWriter, r *http.Request) {
	a, found := p.assistants[r.PathValue("id")]
	if !found {
		writeError(w, http.StatusNotFound, "Assistant not found")
		return
	}
	kind := a.Type
	if kind == "" {
		kind = "codemie"
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"id": a.ID, "name": "Assistant " + a.ID, "project": a.Project, "type": kind,
	})
}

func (p *Platform) workflow(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	project, found := p.workflows[id]
	if !found {
		writeError(w, http.StatusNotFound, "Workflow not found")
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{"id": id, "name": "Workflow " + id, "project": project})
}
