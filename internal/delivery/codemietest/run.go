package codemietest

import (
	"net/http"
)

// run is a task or an execution.
type run struct {
	id, owner, text, conversation string
	looks                         int
	dead                          bool // nothing works on it
	status                        string
}

// look is one more poll of a run, and reports whether it is over. The caller
// holds the lock.
func (p *Platform) look(r *run) bool {
	if r.dead {
		return false
	}
	r.looks++
	return r.looks > p.looks
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
	if p.broken {
		chat := p.chatOf(in.ConversationID, id)
		chat.turn(in.Text, Message{Text: "Assistant Error: What the platform adds.\nRetry your request after a short delay."})
		writeError(w, http.StatusInternalServerError, "Assistant Error")
		return
	}
	if !in.Background || in.Stream {
		writeJSON(w, http.StatusOK, map[string]any{
			"generated": "An answer.", "timeElapsed": 1, "tokensUsed": 1, "taskId": nil, "success": true,
		})
		return
	}
	task := &run{id: p.id("task"), owner: id, text: in.Text, conversation: in.ConversationID, dead: p.stuck}
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
	if p.look(task) {
		p.conclude(task)
	}
	status, output := "STARTED", ""
	if task.status != "" {
		status, output = task.status, p.conversations[task.conversation].last().Text
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

// conclude ends a task and writes it into its chat, once.
func (p *Platform) conclude(task *run) {
	if task.status != "" || task.dead {
		return
	}
	answer := Message{Text: p.output, Usage: &p.usage}
	task.status = "COMPLETED"
	if p.failing {
		answer = Message{Text: "AI Agent run failed with error: out of tokens", Usage: &Usage{}}
		task.status = "FAILED"
	}
	p.chatOf(task.conversation, task.owner).turn(task.text, answer)
}

// Conclude ends every task, as if time had passed.
func (p *Platform) Conclude() {
	p.set(func() {
		for _, task := range p.tasks {
			p.conclude(task)
		}
	})
}

func (p *Platform) execute(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Input          string  `json:"user_input"`
		ConversationID *string `json:"conversation_id"`
	}
	id := r.PathValue("id")
	if _, found := p.workflows[id]; !found {
		Crash(w, r)
		return
	}
	if !read(w, r, &in) {
		return
	}
	execution := &run{id: p.id("execution"), owner: id, text: in.Input, dead: p.broken, status: "In Progress"}
	p.executions[execution.id] = execution
	if in.ConversationID != nil {
		execution.conversation = *in.ConversationID
		if execution.conversation == "" {
			execution.conversation = p.id("conversation")
		}
		p.chatOf(execution.conversation, id).turn(in.Input, Message{ExecutionID: execution.id})
	}
	if p.broken {
		writeError(w, http.StatusInternalServerError, "Workflow Error")
		return
	}
	p.writeExecution(w, execution)
}

func (p *Platform) execution(w http.ResponseWriter, r *http.Request) {
	execution := p.executionOf(w, r)
	if execution == nil {
		return
	}
	if execution.status == "In Progress" && p.look(execution) {
		execution.status = "Succeeded"
		if p.failing {
			execution.status = "Failed"
		}
	}
	p.writeExecution(w, execution)
}

func (p *Platform) executionOf(w http.ResponseWriter, r *http.Request) *run {
	execution, found := p.executions[r.PathValue("execution")]
	if !found || execution.owner != r.PathValue("id") {
		writeError(w, http.StatusNotFound, "Execution Not Found")
		return nil
	}
	return execution
}

// states lists what an execution has begun.
func (p *Platform) states(w http.ResponseWriter, r *http.Request) {
	execution := p.executionOf(w, r)
	if execution == nil {
		return
	}
	list := []map[string]any{}
	if !execution.dead {
		list = append(list, map[string]any{"id": "state-1", "name": "first", "status": "In Progress"})
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"data": list, "pagination": map[string]int{"page": 0, "per_page": 10, "total": len(list), "pages": len(list)},
	})
}

func (p *Platform) abort(w http.ResponseWriter, r *http.Request) {
	execution := p.executionOf(w, r)
	if execution == nil {
		return
	}
	execution.status = "Aborted"
	writeJSON(w, http.StatusOK, map[string]string{"message": "Specified workflow execution aborted"})
}

// Executions returns the states of the executions, by ID.
func (p *Platform) Executions() map[string]string {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := make(map[string]string, len(p.executions))
	for id, execution := range p.executions {
		list[id] = execution.status
	}
	return list
}

func (p *Platform) writeExecution(w http.ResponseWriter, execution *run) {
	type tokens struct {
		Input  int     `json:"input_tokens"`
		Output int     `json:"output_tokens"`
		Cached int     `json:"cached_tokens"`
		Money  float64 `json:"money_spent"`
	}
	var usage *tokens
	if execution.status != "In Progress" {
		usage = &tokens{Input: p.usage.Input, Output: p.usage.Output, Money: p.usage.Cost}
	}
	writeJSON(w, http.StatusOK, struct {
		ID             string  `json:"id"`
		Prompt         string  `json:"prompt"`
		WorkflowID     string  `json:"workflow_id"`
		ExecutionID    string  `json:"execution_id"`
		ConversationID string  `json:"conversation_id"`
		OverallStatus  string  `json:"overall_status"`
		TokensUsage    *tokens `json:"tokens_usage"`
	}{execution.id, execution.text, execution.owner, execution.id, execution.conversation, execution.status, usage})
}
