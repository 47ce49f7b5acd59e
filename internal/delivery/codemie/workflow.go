package codemie

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/hookgate/hookgate/module/trigger"
)

// workflow starts an execution in a chat whose ID is generated here, so that
// the execution can be found by it, and follows it.
func (s *session) workflow(ctx context.Context) trigger.Result {
	switch {
	case s.progress.Execution != "":
		return s.followExecution(ctx)
	case s.progress.Intent > 0:
		return s.askExecution(ctx)
	}
	if _, f := s.read(ctx, "/v1/workflows/id/"+url.PathEscape(s.event.Resource.ID), "project"); f != nil {
		return f.Result
	}

	if s.progress.Conversation == "" {
		s.progress.Conversation = newUUID()
	}
	a, f := s.start(ctx, "execution", call{
		method: http.MethodPost,
		path:   s.executions(),
		body: map[string]any{
			"user_input":      s.payload(),
			"conversation_id": s.progress.Conversation,
		},
		want: []string{"execution_id", "overall_status"},
	})
	if f != nil && !f.unclear && !f.broken {
		return f.Result
	}
	if f == nil {
		if id := a.text("execution_id"); id != "" {
			return s.executes(ctx, id, a.text("overall_status"))
		}
	}
	return s.askExecution(ctx)
}

func (s *session) executions() string {
	return "/v1/workflows/" + url.PathEscape(s.event.Resource.ID) + "/executions"
}

func (s *session) executionPath() string {
	return s.executions() + "/" + url.PathEscape(s.progress.Execution)
}

// executes saves the execution's ID, and names its chat.
func (s *session) executes(ctx context.Context, execution, state string) trigger.Result {
	s.progress.Execution = execution
	result := s.goesOn(ctx, trigger.Run{Kind: "execution", ID: execution, State: state})
	if result.Verdict == trigger.Pending {
		// The name is a convenience: the run continues without it.
		_ = s.nameConversation(ctx)
	}
	return result
}

// followExecution polls the execution. An interrupted one waits for a person,
// who may yet resume it.
func (s *session) followExecution(ctx context.Context) trigger.Result {
	a, f := s.do(ctx, call{
		method: http.MethodGet,
		path:   s.executionPath(),
		want: []string{
			"overall_status", "tokens_usage.input_tokens", "tokens_usage.output_tokens", "tokens_usage.money_spent",
		},
	})
	if f != nil {
		return s.lost(ctx, f)
	}
	run := trigger.Run{
		Kind: "execution", ID: s.progress.Execution, State: a.text("overall_status"),
		Usage: usage(a.text("tokens_usage.input_tokens"), a.text("tokens_usage.output_tokens"), a.text("tokens_usage.money_spent")),
	}
	switch run.State {
	case "Succeeded":
		return s.ended(ctx, delivered(a), run)
	case "Failed", "Aborted", "AUTHENTICATION_REQUIRED":
		return s.ended(ctx, s.failed(a, "the workflow's execution ended as "+run.State), run)
	}
	if s.progress.Adopted && s.isPhantom(ctx) {
		run.State = "Aborted"
		return s.ended(ctx, s.phantom(ctx), run)
	}
	return s.goesOn(ctx, run)
}

// beginning is how long an execution may take to begin its first state.
const beginning = time.Minute

// isPhantom reports whether nothing works on an execution that a failed start
// has left behind: it has begun nothing.
func (s *session) isPhantom(ctx context.Context) bool {
	if s.age()-s.progress.Intent < beginning {
		return false
	}
	a, f := s.do(ctx, call{
		method: http.MethodGet,
		path:   s.executionPath() + "/states?page=0&per_page=1",
		want:   []string{"pagination.total", "data.id"},
	})
	if f != nil || a.problem != "" {
		return false
	}
	s.progress.Adopted = a.text("data.id") == "" && a.text("pagination.total") == "0"
	return s.progress.Adopted
}

// phantom aborts an execution that nothing works on: it would stay "running"
// for ever.
func (s *session) phantom(ctx context.Context) trigger.Result {
	_, _ = s.do(ctx, call{method: http.MethodPut, path: s.executionPath() + "/abort"})
	return trigger.Result{
		Verdict: trigger.Fail, StatusCode: http.StatusInternalServerError, Error: trigger.ErrRunFailed,
		Detail: s.quote("the platform created the execution but did not begin it: " + s.progress.Refusal),
	}
}

// askExecution checks whether the chat shows the execution of a start whose
// outcome is unclear, or was an error. The platform records it there before it
// answers.
func (s *session) askExecution(ctx context.Context) trigger.Result {
	a, f := s.do(ctx, call{
		method: http.MethodGet,
		path:   s.conversationPath(),
		want:   []string{"history.executionId", "history.execution_id"},
	})
	switch {
	case f != nil && !f.missing:
		return s.asked(f)
	case f == nil:
		if id := cmp.Or(a.text("history.executionId"), a.text("history.execution_id")); id != "" {
			s.progress.Adopted = s.progress.Refusal != ""
			return s.executes(ctx, id, "")
		}
		if a.problem != "" {
			return s.asked(a.unusable())
		}
	}
	if s.progress.Refusal != "" {
		return s.refused(ctx)
	}
	return s.unknown(patience)
}
