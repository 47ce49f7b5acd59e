package codemie

import (
	"context"
	"net/http"
	"net/url"

	"github.com/hookgate/hookgate/module/trigger"
)

// workflow starts an execution in a chat whose ID is made here, so that the
// execution can be found by it, and follows it.
func (s *session) workflow(ctx context.Context) trigger.Result {
	executions := "/v1/workflows/" + url.PathEscape(s.event.Resource.ID) + "/executions"
	switch {
	case s.progress.Execution != "":
		return s.followExecution(ctx, executions)
	case s.progress.Intent > 0:
		return s.askExecution(ctx)
	}
	if _, f := s.read(ctx, "/v1/workflows/id/"+url.PathEscape(s.event.Resource.ID), "project"); f != nil {
		return f.Result
	}

	s.progress.Conversation = newUUID()
	a, f := s.start(ctx, call{
		method: http.MethodPost,
		path:   executions,
		body: map[string]any{
			"user_input":      s.payload(),
			"conversation_id": s.progress.Conversation,
		},
		want: []string{"execution_id"},
	})
	if f != nil {
		if f.unclear {
			return s.askExecution(ctx)
		}
		return f.Result
	}
	if id := a.text("execution_id"); id != "" {
		return s.found(ctx, id)
	}
	return s.askExecution(ctx)
}

// found keeps the execution's ID, and gives its chat a name.
func (s *session) found(ctx context.Context, execution string) trigger.Result {
	s.progress.Execution = execution
	if f := s.save(ctx); f != nil {
		return f.Result
	}
	// The name is a convenience: the run goes on without it.
	_ = s.nameConversation(ctx)
	return s.pending(nil)
}

// followExecution looks how the execution stands. One that is interrupted
// waits for a person, who may yet resume it.
func (s *session) followExecution(ctx context.Context, executions string) trigger.Result {
	a, f := s.do(ctx, call{
		method: http.MethodGet,
		path:   executions + "/" + url.PathEscape(s.progress.Execution),
		want:   []string{"overall_status"},
	})
	if f != nil {
		return s.lost(f)
	}
	switch status := a.text("overall_status"); status {
	case "Succeeded":
		return delivered(a)
	case "Failed", "Aborted", "AUTHENTICATION_REQUIRED":
		return s.failed(a, "the workflow's execution ended as "+status)
	}
	return s.pending(nil)
}

// askExecution looks whether the chat shows the execution whose start had an
// unclear end. The platform notes it there before it answers.
func (s *session) askExecution(ctx context.Context) trigger.Result {
	a, f := s.do(ctx, call{
		method: http.MethodGet,
		path:   "/v1/conversations/" + url.PathEscape(s.progress.Conversation),
		want:   []string{"history.execution_id"},
	})
	switch {
	case f != nil && f.StatusCode == http.StatusNotFound:
		return s.unknown()
	case f != nil:
		return s.asked(f)
	}
	if id := a.text("history.execution_id"); id != "" {
		return s.found(ctx, id)
	}
	if a.problem != "" {
		return s.asked(a.unusable())
	}
	return s.unknown()
}
