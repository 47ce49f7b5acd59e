package codemietest

import (
	"encoding/json"
	"net/http"
	"strings"
)

// routes are the platform's, with what it answers on each.
func (p *Platform) routes() {
	p.handle("GET /v1/assistants/id/{id}", p.assistant)
	p.handle("POST /v1/assistants/{id}/model", p.chat)
	p.handle("GET /v1/tasks/{id}", p.task)
	p.handle("POST /v1/conversations", p.createConversation)
	p.handle("GET /v1/conversations", p.listConversations)
	p.handle("PUT /v1/conversations/{id}", p.updateConversation)
	p.handle("GET /v1/conversations/{id}", p.conversation)
	p.handle("GET /v1/workflows/id/{id}", p.workflow)
	p.handle("POST /v1/workflows/{id}/executions", p.execute)
	p.handle("GET /v1/workflows/{id}/executions/{execution}", p.execution)
	p.handle("GET /v1/index/{id}", p.index)
	p.handle("PUT /v1/application/{project}/index/{name}", p.reindexCode)
	p.handle("PUT /v1/index/provider/{id}/reindex", p.reindexProvider)
	p.handle("PUT /v1/index/knowledge_base/{kind}", p.reindexKnowledgeBase)
}

// handle guards a route by the token and by one lock for all state.
func (p *Platform) handle(route string, serve http.HandlerFunc) {
	p.mux.HandleFunc(route, func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		switch r.Header.Get("Authorization") {
		case "Bearer " + p.token:
			serve(w, r)
		case "":
			writeError(w, http.StatusUnauthorized, "Authentication failed")
		default:
			writeError(w, http.StatusUnauthorized, "Token validation failed")
		}
	})
}

func (p *Platform) assistant(w http.ResponseWriter, r *http.Request) {
	p.resource(w, r, p.assistants, "Assistant")
}

func (p *Platform) workflow(w http.ResponseWriter, r *http.Request) {
	p.resource(w, r, p.workflows, "Workflow")
}

func (p *Platform) resource(w http.ResponseWriter, r *http.Request, of map[string]string, kind string) {
	id := r.PathValue("id")
	project, found := of[id]
	if !found {
		writeError(w, http.StatusNotFound, kind+" not found")
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{"id": id, "name": kind + " " + id, "project": project})
}

func (p *Platform) chat(w http.ResponseWriter, r *http.Request) {
	var in struct {
		ConversationID string `json:"conversation_id"`
		Text           string `json:"text"`
		Background     bool   `json:"background_task"`
		Stream         bool   `json:"stream"`
	}
	id := r.PathValue("id")
	if _, found := p.assistants[id]; !found {
		writeError(w, http.StatusNotFound, "Assistant not found")
		return
	}
	if !read(w, r, &in) {
		return
	}
	if !in.Background || in.Stream {
		writeJSON(w, http.StatusOK, map[string]any{
			"generated": "An answer.", "timeElapsed": 1, "tokensUsed": 1, "taskId": nil, "success": true,
		})
		return
	}
	task := &run{id: p.id("task"), owner: id, text: in.Text, conversation: in.ConversationID}
	p.tasks[task.id] = task
	writeJSON(w, http.StatusOK, map[string]any{
		"generated": "Task is running in the background", "timeElapsed": 0, "tokensUsed": nil,
		"thoughts": nil, "taskId": task.id, "success": true, "agentError": nil, "toolErrors": nil,
	})
}

func (p *Platform) task(w http.ResponseWriter, r *http.Request) {
	task, found := p.tasks[r.PathValue("id")]
	if !found {
		writeError(w, http.StatusNotFound, "Task not found")
		return
	}
	status, output := "STARTED", ""
	if task.looks++; task.looks > p.looks {
		status, output = "COMPLETED", "An answer."
		if p.failing {
			status, output = "FAILED", "AI Agent run failed with error: out of tokens"
		}
		p.conclude(task, output)
	}
	// The order of the members is the platform's: the status comes last.
	writeJSON(w, http.StatusOK, struct {
		ID          string `json:"id"`
		Task        string `json:"task"`
		FinalOutput string `json:"final_output"`
		CurrentStep string `json:"current_step"`
		Status      string `json:"status"`
	}{task.id, task.text, output, "", status})
}

// conclude writes the finished task into its chat.
func (p *Platform) conclude(task *run, output string) {
	chat, found := p.conversations[task.conversation]
	if !found {
		chat = &Conversation{ID: task.conversation, AssistantID: task.owner}
		p.conversations[task.conversation] = chat
	}
	if len(chat.Messages) == 0 {
		chat.Messages = []Message{{Role: "User", Text: task.text}, {Role: "Assistant", Text: output}}
	}
}

// Conclude ends every task, as if time had passed.
func (p *Platform) Conclude() {
	p.set(func() {
		for _, task := range p.tasks {
			p.conclude(task, "An answer.")
		}
	})
}

func (p *Platform) createConversation(w http.ResponseWriter, r *http.Request) {
	var in struct {
		AssistantID string `json:"initial_assistant_id"`
		Folder      string `json:"folder"`
	}
	if !read(w, r, &in) {
		return
	}
	chat := &Conversation{ID: p.id("conversation"), AssistantID: in.AssistantID, Folder: in.Folder}
	p.conversations[chat.ID] = chat
	writeConversation(w, chat)
}

func (p *Platform) updateConversation(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Name string `json:"name"`
	}
	chat, found := p.conversations[r.PathValue("id")]
	if !found {
		writeError(w, http.StatusNotFound, "Conversation not found")
		return
	}
	if read(w, r, &in) {
		chat.Name = in.Name
		writeConversation(w, chat)
	}
}

func (p *Platform) conversation(w http.ResponseWriter, r *http.Request) {
	chat, found := p.conversations[r.PathValue("id")]
	if !found {
		writeError(w, http.StatusNotFound, "Conversation not found")
		return
	}
	writeConversation(w, chat)
}

func (p *Platform) listConversations(w http.ResponseWriter, _ *http.Request) {
	list := []map[string]any{}
	for _, chat := range p.conversations {
		list = append(list, map[string]any{
			"id": chat.ID, "name": chat.Name, "folder": chat.Folder, "initial_assistant_id": chat.AssistantID,
		})
	}
	writeJSON(w, http.StatusOK, list)
}

func writeConversation(w http.ResponseWriter, chat *Conversation) {
	messages := chat.Messages
	if messages == nil {
		messages = []Message{}
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"id": chat.ID, "conversation_id": chat.ID, "conversation_name": chat.Name, "folder": chat.Folder,
		"initial_assistant_id": chat.AssistantID, "history": messages,
	})
}

func (p *Platform) execute(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Input          string  `json:"user_input"`
		ConversationID *string `json:"conversation_id"`
	}
	id := r.PathValue("id")
	if _, found := p.workflows[id]; !found {
		http.Error(w, "Internal Server Error", http.StatusInternalServerError)
		return
	}
	if !read(w, r, &in) {
		return
	}
	execution := &run{id: p.id("execution"), owner: id, text: in.Input}
	p.executions[execution.id] = execution
	if in.ConversationID != nil {
		execution.conversation = *in.ConversationID
		if execution.conversation == "" {
			execution.conversation = p.id("conversation")
		}
		chat := p.conversations[execution.conversation]
		if chat == nil {
			chat = &Conversation{ID: execution.conversation, AssistantID: id}
			p.conversations[chat.ID] = chat
		}
		chat.Messages = append(chat.Messages,
			Message{Role: "User", Text: in.Input}, Message{Role: "Assistant", ExecutionID: execution.id})
	}
	p.writeExecution(w, execution, "In Progress")
}

func (p *Platform) execution(w http.ResponseWriter, r *http.Request) {
	execution, found := p.executions[r.PathValue("execution")]
	if !found || execution.owner != r.PathValue("id") {
		writeError(w, http.StatusNotFound, "Execution Not Found")
		return
	}
	status := "In Progress"
	if execution.looks++; execution.looks > p.looks {
		status = "Succeeded"
		if p.failing {
			status = "Failed"
		}
	}
	p.writeExecution(w, execution, status)
}

func (p *Platform) writeExecution(w http.ResponseWriter, execution *run, status string) {
	writeJSON(w, http.StatusOK, struct {
		ID             string `json:"id"`
		Prompt         string `json:"prompt"`
		WorkflowID     string `json:"workflow_id"`
		ExecutionID    string `json:"execution_id"`
		ConversationID string `json:"conversation_id"`
		OverallStatus  string `json:"overall_status"`
	}{execution.id, execution.text, execution.owner, execution.id, execution.conversation, status})
}

func (p *Platform) index(w http.ResponseWriter, r *http.Request) {
	d, found := p.datasources[r.PathValue("id")]
	if !found {
		writeError(w, http.StatusNotFound, "Index not found")
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"id": d.ID, "project_name": d.Project, "repo_name": d.Name, "index_type": d.Type,
		"is_fetching": d.Busy, "is_queued": false, "completed": !d.Busy, "error": false,
		"jira": map[string]any{"jql": d.JQL}, "xray": map[string]any{"jql": d.XrayJQL},
		"azure_devops_wiki":      map[string]any{"wiki_query": d.WikiQuery, "wiki_name": d.WikiName},
		"azure_devops_work_item": map[string]any{"wiql_query": d.WIQL},
		"sharepoint":             map[string]any{"auth_type": d.AuthType},
	})
}

func (p *Platform) reindexCode(w http.ResponseWriter, r *http.Request) {
	d, found := p.named(r.PathValue("project"), r.PathValue("name"))
	if !found {
		http.Error(w, "Internal Server Error", http.StatusInternalServerError)
		return
	}
	p.begin(w, d, http.StatusCreated, "Full reindexing of datasource None has been started in the background")
}

func (p *Platform) reindexProvider(w http.ResponseWriter, r *http.Request) {
	d, found := p.datasources[r.PathValue("id")]
	if !found {
		writeError(w, http.StatusNotFound, "Index not found")
		return
	}
	p.begin(w, d, http.StatusOK, "Reindexing of "+d.Name+" has started in the background")
}

// required are the fields without which the platform would take a datasource
// as changed, or refuse the request.
var required = map[string][]string{
	"jira": {"jql"}, "xray": {"jql"}, "azure_devops_wiki": {"wiki_query", "wiki_name"},
	"azure_devops_work_item": {"wiql_query"}, "confluence": nil, "sharepoint": nil, "google": nil,
}

func (p *Platform) reindexKnowledgeBase(w http.ResponseWriter, r *http.Request) {
	kind := r.PathValue("kind")
	fields, known := required[kind]
	if !known {
		http.NotFound(w, r)
		return
	}
	var in map[string]any
	if !read(w, r, &in) {
		return
	}
	for _, field := range append([]string{"name", "project_name"}, fields...) {
		if text, _ := in[field].(string); text == "" {
			writeError(w, http.StatusUnprocessableEntity, field+": Field required")
			return
		}
	}
	d, found := p.named(in["project_name"].(string), in["name"].(string))
	if !found || !strings.HasSuffix(d.Type, "_"+kind) {
		writeError(w, http.StatusNotFound, "Index not found")
		return
	}
	query := r.URL.Query()
	if query.Get("full_reindex") != "true" && query.Get("incremental_reindex") != "true" {
		writeJSON(w, http.StatusOK, map[string]string{"message": "Edit successful"})
		return
	}
	p.begin(w, d, http.StatusOK, "Indexing of datasource "+d.Name+" has been started in the background")
}

func (p *Platform) named(project, name string) (Datasource, bool) {
	for _, d := range p.datasources {
		if d.Project == project && d.Name == name {
			return d, true
		}
	}
	return Datasource{}, false
}

func (p *Platform) begin(w http.ResponseWriter, d Datasource, status int, message string) {
	if p.silent {
		writeJSON(w, http.StatusOK, map[string]string{"message": "Edit successful"})
		return
	}
	p.reindexed[d.ID]++
	d.Busy = true
	p.datasources[d.ID] = d
	writeJSON(w, status, map[string]string{"message": message})
}

// read decodes the request's body, which must be an object.
func read(w http.ResponseWriter, r *http.Request, into any) bool {
	if err := json.NewDecoder(r.Body).Decode(into); err != nil {
		writeError(w, http.StatusUnprocessableEntity, "JSON decode error")
		return false
	}
	return true
}
