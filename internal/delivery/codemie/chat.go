package codemie

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/hookgate/hookgate/module/trigger"
)

// openConversation creates the chat, once, and names it.
func (s *session) openConversation(ctx context.Context) *fault {
	if s.progress.Conversation == "" {
		a, f := s.do(ctx, call{
			method: http.MethodPost,
			path:   "/v1/conversations",
			body:   map[string]any{"initial_assistant_id": s.event.Resource.ID, "folder": s.platform.folder},
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

func (s *session) conversationPath() string {
	return "/v1/conversations/" + url.PathEscape(s.progress.Conversation)
}

func (s *session) nameConversation(ctx context.Context) *fault {
	_, f := s.do(ctx, call{
		method: http.MethodPut,
		path:   s.conversationPath(),
		body:   map[string]any{"name": s.title()},
	})
	return f
}

// abandon ends an attempt whose start was certainly not accepted. An empty chat
// is deleted, because there may be no other attempt. If the platform is
// unreachable, the next attempt reuses it.
func (s *session) abandon(ctx context.Context, f *fault) trigger.Result {
	if s.progress.Conversation == "" || f.StatusCode == 0 {
		return f.Result
	}
	if m, unread := s.lastMessage(ctx); unread != nil || m.role != "" {
		return f.Result
	}
	if _, kept := s.do(ctx, call{method: http.MethodDelete, path: s.conversationPath()}); kept == nil {
		s.progress.Conversation = ""
		if saving := s.save(ctx); saving != nil {
			return saving.Result
		}
	}
	return f.Result
}

// message is the last message of a chat.
type message struct {
	role, text string // "" in an empty chat
	usage      *trigger.Usage
}

// lastMessage reads the last message of the chat: the newest comes first, so
// the payload is not included.
func (s *session) lastMessage(ctx context.Context) (*message, *fault) {
	a, f := s.do(ctx, call{
		method: http.MethodGet,
		path:   s.conversationPath() + "?page=0&per_page=1&sort_order=desc",
		want: []string{
			"history.role", "history.message",
			"history.inputTokens", "history.outputTokens", "history.moneySpent",
			"history.input_tokens", "history.output_tokens", "history.money_spent",
		},
	})
	switch {
	case f != nil:
		return nil, f
	case a.problem != "":
		return nil, a.unusable()
	}
	// Within a chat the platform uses camel case; its models accept both.
	return &message{
		role: a.text("history.role"),
		text: a.text("history.message"),
		usage: usage(
			cmp.Or(a.text("history.inputTokens"), a.text("history.input_tokens")),
			cmp.Or(a.text("history.outputTokens"), a.text("history.output_tokens")),
			cmp.Or(a.text("history.moneySpent"), a.text("history.money_spent"))),
	}, nil
}

// usage reads the platform's counts, or returns nil if it counted nothing.
func usage(input, output, money string) *trigger.Usage {
	if input == "" && output == "" {
		return nil
	}
	var u trigger.Usage
	u.InputTokens, _ = strconv.ParseInt(input, 10, 64)
	u.OutputTokens, _ = strconv.ParseInt(output, 10, 64)
	u.Cost, _ = strconv.ParseFloat(money, 64)
	return &u
}

// answers reports whether the message is an answer to this event's start.
func (s *session) answers(m *message) bool {
	return m.role != "" && !strings.EqualFold(m.role, "user") &&
		(s.progress.Seen == "" || s.quote(m.text) != s.progress.Seen)
}

// askConversation checks whether the chat shows the run of a start whose
// outcome is unclear, or was an error. The platform writes there when a run is
// over, so an answer is awaited for as long as a run may take.
func (s *session) askConversation(ctx context.Context) trigger.Result {
	m, f := s.lastMessage(ctx)
	switch {
	case f != nil && !f.missing:
		return s.asked(f)
	case f == nil && s.answers(m) && !s.tellsRefusal(m):
		return s.shown(ctx, m)
	case s.progress.Refusal != "":
		if f == nil && m.role != "" {
			s.progress.Seen = s.quote(m.text)
		}
		return s.refused(ctx)
	}
	return s.unknown(s.runTimeout())
}

// tellsRefusal reports whether the message is just the error with which the
// last start was answered.
func (s *session) tellsRefusal(m *message) bool {
	words := strings.TrimSuffix(s.progress.Refusal, "…")
	return words != "" && strings.HasPrefix(s.quote(m.text), words)
}

// shown judges a run that only the chat shows.
func (s *session) shown(ctx context.Context, m *message) trigger.Result {
	a := &answer{status: http.StatusOK}
	run := trigger.Run{Kind: "conversation", ID: s.progress.Conversation, Usage: m.usage}
	return s.ended(ctx, s.verdict(a, m.text, m.usage), run)
}
