package codemietest

import (
	"net/http"
	"slices"
	"strconv"
)

// Conversation is a chat in the history.
type Conversation struct {
	ID, Name, AssistantID, Folder string
	Messages                      []Message
}

// Message is one entry of a chat's history.
type Message struct {
	Role        string
	Text        string
	ExecutionID string
	Usage       *Usage
}

// turn adds a question and its answer.
func (c *Conversation) turn(question string, answer Message) {
	answer.Role = "Assistant"
	c.Messages = append(c.Messages, Message{Role: "User", Text: question}, answer)
}

func (c *Conversation) last() Message { return c.Messages[len(c.Messages)-1] }

// chatOf returns the chat with the ID, and creates it if there is none.
func (p *Platform) chatOf(id, assistant string) *Conversation {
	chat := p.conversations[id]
	if chat == nil {
		chat = &Conversation{ID: id, AssistantID: assistant}
		p.conversations[id] = chat
	}
	return chat
}

// Conversations returns the chats by ID.
func (p *Platform) Conversations() map[string]Conversation {
	p.mu.Lock()
	defer p.mu.Unlock()
	copies := make(map[string]Conversation, len(p.conversations))
	for id, conversation := range p.conversations {
		chat := *conversation
		chat.Messages = slices.Clone(chat.Messages)
		copies[id] = chat
	}
	return copies
}

func (p *Platform) createConversation(w http.ResponseWriter, r *http.Request) {
	var in struct {
		AssistantID string `json:"initial_assistant_id"`
		Folder      string `json:"folder"`
	}
	if !read(w, r, &in) {
		return
	}
	chat := p.chatOf(p.id("conversation"), in.AssistantID)
	chat.Folder = in.Folder
	writeConversation(w, chat, chat.Messages)
}

func (p *Platform) updateConversation(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Name string `json:"name"`
	}
	if chat := p.conversationOf(w, r); chat != nil && read(w, r, &in) {
		chat.Name = in.Name
		writeConversation(w, chat, chat.Messages)
	}
}

func (p *Platform) deleteConversation(w http.ResponseWriter, r *http.Request) {
	if chat := p.conversationOf(w, r); chat != nil {
		delete(p.conversations, chat.ID)
		writeJSON(w, http.StatusOK, map[string]string{"message": "Specified conversation removed"})
	}
}

// conversation serves a chat, whole or a page of it.
func (p *Platform) conversation(w http.ResponseWriter, r *http.Request) {
	for _, task := range p.tasks {
		if task.conversation == r.PathValue("id") && task.status == "" && p.look(task) {
			p.conclude(task)
		}
	}
	chat := p.conversationOf(w, r)
	if chat == nil {
		return
	}
	messages := slices.Clone(chat.Messages)
	query := r.URL.Query()
	if query.Get("sort_order") == "desc" {
		slices.Reverse(messages)
	}
	if size, err := strconv.Atoi(query.Get("per_page")); err == nil {
		page, _ := strconv.Atoi(query.Get("page"))
		messages = messages[min(page*size, len(messages)):min((page+1)*size, len(messages))]
	}
	writeConversation(w, chat, messages)
}

func (p *Platform) conversationOf(w http.ResponseWriter, r *http.Request) *Conversation {
	chat := p.conversations[r.PathValue("id")]
	if chat == nil {
		writeError(w, http.StatusNotFound, "Conversation not found")
	}
	return chat
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

// writeConversation writes a chat in the platform's spelling: its own members
// in snake case, those of its history in camel case.
func writeConversation(w http.ResponseWriter, chat *Conversation, messages []Message) {
	history := []map[string]any{}
	for i, message := range messages {
		entry := map[string]any{
			"role": message.Role, "message": message.Text, "historyIndex": i / 2, "thoughts": []any{},
			"executionId": nil, "inputTokens": nil, "outputTokens": nil, "moneySpent": nil,
		}
		if message.ExecutionID != "" {
			entry["executionId"], entry["workflowExecutionRef"] = message.ExecutionID, true
		}
		if message.Usage != nil {
			entry["inputTokens"], entry["outputTokens"] = message.Usage.Input, message.Usage.Output
			entry["moneySpent"] = message.Usage.Cost
		}
		history = append(history, entry)
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"id": chat.ID, "conversation_id": chat.ID, "conversation_name": chat.Name, "folder": chat.Folder,
		"initial_assistant_id": chat.AssistantID, "history": history,
	})
}
