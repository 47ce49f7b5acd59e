package codemie

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/hookgate/hookgate/module/trigger"
)

// assistant makes a chat, sends the payload as its message to be worked on in
// the background, and follows that task.
func (s *session) assistant(ctx context.Context) trigger.Result {
	switch {
	case s.progress.Task != "":
		return s.followTask(ctx)
	case s.progress.Intent > 0:
		return s.askConversation(ctx)
	}
	id := url.PathEscape(s.event.Resource.ID)
	if _, f := s.read(ctx, "/v1/assistants/id/"+id, "project"); f != nil {
		return f.Result
	}
	if f := s.openConversation(ctx); f != nil {
		return f.Result
	}

	a, f := s.start(ctx, call{
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
	if f != nil {
		if f.unclear {
			return s.askConversation(ctx)
		}
		return f.Result
	}
	if a.text("success") == "false" {
		return s.failed(a, a.text("agentError.message")+" "+a.text("generated"))
	}
	task := a.text("taskId")
	if task == "" {
		task = a.text("task_id")
	}
	if task != "" {
		s.progress.Task = task
		if f := s.save(ctx); f != nil {
			return f.Result
		}
		return s.pending(nil)
	}
	// A remote agent works while the request lasts and answers by itself.
	if generated := a.text("generated"); generated != "" && a.problem == "" {
		return s.generated(a, generated)
	}
	return s.askConversation(ctx)
}

// openConversation makes the chat, once, and names it.
func (s *session) openConversation(ctx context.Context) *fault {
	if s.progress.Conversation == "" {
		a, f := s.do(ctx, call{
			method: http.MethodPost,
			path:   "/v1/conversations",
			body:   map[string]any{"initial_assistant_id": s.event.Resource.ID},
			want:   []string{"id"},
		})
		if f != nil {
			return f
		}
		if s.progress.Conversation = a.text("id"); s.progress.Conversation == "" {
			return a.unusable()
		}
		if f := s.save(ctx); f != nil {
			return f
		}
	}
	return s.nameConversation(ctx)
}

func (s *session) nameConversation(ctx context.Context) *fault {
	_, f := s.do(ctx, call{
		method: http.MethodPut,
		path:   "/v1/conversations/" + url.PathEscape(s.progress.Conversation),
		body:   map[string]any{"name": s.title()},
	})
	return f
}

// followTask looks how the task stands.
func (s *session) followTask(ctx context.Context) trigger.Result {
	a, f := s.do(ctx, call{
		method: http.MethodGet,
		path:   "/v1/tasks/" + url.PathEscape(s.progress.Task),
		want:   []string{"status", "final_output"},
	})
	if f != nil {
		return s.lost(f)
	}
	switch a.text("status") {
	case "COMPLETED":
		return s.generated(a, a.text("final_output"))
	case "FAILED":
		return s.failed(a, a.text("final_output"))
	}
	return s.pending(nil)
}

// lost judges a fault while a run is followed: one that the platform does not
// know any more has an unknown fate.
func (s *session) lost(f *fault) trigger.Result {
	if f.StatusCode == http.StatusNotFound {
		f.Error = trigger.ErrStartUnknown
	}
	return s.asked(f)
}

// askConversation looks whether the chat shows the run whose start had an
// unclear end. The platform writes there when the run is over.
func (s *session) askConversation(ctx context.Context) trigger.Result {
	a, f := s.do(ctx, call{
		method: http.MethodGet,
		path:   "/v1/conversations/" + url.PathEscape(s.progress.Conversation),
		want:   []string{"history.role", "history.message"},
	})
	switch {
	case f != nil && f.StatusCode == http.StatusNotFound:
		return s.unknown()
	case f != nil:
		return s.asked(f)
	case len(a.fields) == 0 && a.problem != "":
		return s.asked(a.unusable())
	case len(a.fields) == 0:
		return s.unknown()
	}
	return s.generated(a, a.text("history.message"))
}

// generated judges a run by the text that it ended with: the platform reports
// some failures only there.
func (s *session) generated(a *answer, text string) trigger.Result {
	if strings.HasPrefix(text, "AI Agent run failed with error") {
		return s.failed(a, text)
	}
	return delivered(a)
}
