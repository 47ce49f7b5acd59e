package codemie

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"

	"github.com/hookgate/hookgate/module/trigger"
)

// assistant creates a chat, sends the payload as its message to be processed in
// the background, and follows that task.
func (s *session) assistant(ctx context.Context) trigger.Result {
	switch {
	case s.progress.Task != "":
		return s.followTask(ctx)
	case s.progress.Intent > 0:
		return s.askConversation(ctx)
	}
	id := url.PathEscape(s.event.Resource.ID)
	a, f := s.read(ctx, "/v1/assistants/id/"+id, "project",
		"type", "bedrock.bedrock_agent_id", "bedrock_agentcore_runtime.runtime_arn")
	if f != nil {
		return f.Result
	}
	s.progress.Uncounted = uncounted(a)
	if f := s.openConversation(ctx); f != nil {
		return s.abandon(ctx, f)
	}

	a, f = s.start(ctx, "task", call{
		method: http.MethodPost,
		path:   "/v1/assistants/" + id + "/model",
		body: map[string]any{
			"conversation_id": s.progress.Conversation,
			"text":            s.payload(),
			"background_task": true,
			"stream":          false,
		},
		want: []string{"taskId", "task_id", "generated", "success", "agentError.message"},
	})
	switch {
	case f != nil && (f.unclear || f.broken):
		return s.askConversation(ctx)
	case f != nil:
		return s.abandon(ctx, f)
	case a.text("success") == "false":
		return s.failed(a, a.text("agentError.message")+" "+a.text("generated"))
	}
	if task := cmp.Or(a.text("taskId"), a.text("task_id")); task != "" {
		s.progress.Task = task
		return s.goesOn(ctx, trigger.Run{Kind: "task", ID: task, State: "STARTED"})
	}
	// A remote agent works while the request lasts and answers it directly.
	if generated := a.text("generated"); generated != "" && a.problem == "" {
		if saysFailure(generated) {
			return s.failed(a, generated)
		}
		return delivered(a)
	}
	return s.askConversation(ctx)
}

// uncounted reports whether the platform does not see the assistant's tokens,
// because it runs elsewhere.
func uncounted(a *answer) bool {
	elsewhere := []string{"A2A", "bedrock_agent", "bedrock_agentcore_runtime"}
	return slices.Contains(elsewhere, a.text("type")) ||
		a.text("bedrock.bedrock_agent_id") != "" || a.text("bedrock_agentcore_runtime.runtime_arn") != ""
}

// followTask polls the task.
func (s *session) followTask(ctx context.Context) trigger.Result {
	a, f := s.do(ctx, call{
		method: http.MethodGet,
		path:   "/v1/tasks/" + url.PathEscape(s.progress.Task),
		want:   []string{"status", "final_output"},
	})
	if f != nil {
		return s.lost(ctx, f)
	}
	run := trigger.Run{Kind: "task", ID: s.progress.Task, State: a.text("status")}
	switch run.State {
	case "COMPLETED":
		return s.completed(ctx, a, run)
	case "FAILED":
		if m, f := s.lastMessage(ctx); f == nil {
			run.Usage = m.usage
		}
		return s.ended(ctx, s.failed(a, a.text("final_output")), run)
	}
	return s.goesOn(ctx, run)
}

// completed judges a task that the platform calls completed, as it also does
// with most failed ones. Its token count appears in the chat a moment later.
func (s *session) completed(ctx context.Context, a *answer, run trigger.Run) trigger.Result {
	text := a.text("final_output")
	m, f := s.lastMessage(ctx)
	if f != nil || !s.answers(m) {
		if !saysFailure(text) && s.mayShow(ctx) {
			return s.pending(nil)
		}
		m = &message{}
	}
	run.Usage = m.usage
	return s.ended(ctx, s.verdict(a, cmp.Or(text, m.text), m.usage), run)
}

// mayShow reports whether the chat of a finished run may yet show how it ended.
func (s *session) mayShow(ctx context.Context) bool {
	if s.progress.Ended == 0 {
		s.progress.Ended = max(s.age(), 1)
		_ = s.save(ctx) // if it is lost, the wait just starts over
	}
	return s.age()-s.progress.Ended < afterthought
}

// doubt is the detail for a finished run that may have failed.
const doubt = "the run is over; the platform does not say whether it succeeded"

// verdict judges a run by its answer and its token count: a run without tokens
// got no answer from any model, and its text is an error.
func (s *session) verdict(a *answer, text string, usage *trigger.Usage) trigger.Result {
	switch {
	case saysFailure(text):
		return s.failed(a, text)
	case usage == nil, usage.InputTokens+usage.OutputTokens == 0 && s.progress.Uncounted:
		result := delivered(a)
		result.Detail = doubt
		return result
	case usage.InputTokens+usage.OutputTokens == 0:
		return s.failed(a, "no model answered: "+text)
	}
	return delivered(a)
}
