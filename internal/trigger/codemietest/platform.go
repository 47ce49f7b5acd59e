// Package codemietest is a stand-in of the CodeMie platform for tests: the
// routes that the codemie trigger uses, with the platform's statuses and
// bodies, and switches for faults.
package codemietest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
)

// Platform is the stand-in: an http.Handler for all routes below the root
// path. It works without a clock: a run ends when it has been looked at often
// enough.
type Platform struct {
	mux *http.ServeMux

	mu            sync.Mutex
	token         string
	looks         int
	failing       bool
	silent        bool
	faults        []*Fault
	requests      []Request
	assistants    map[string]string // ID to project
	workflows     map[string]string
	datasources   map[string]Datasource
	conversations map[string]*Conversation
	tasks         map[string]*run
	executions    map[string]*run
	reindexed     map[string]int
	made          int
}

// Datasource is what the platform says of one.
type Datasource struct {
	ID, Project, Name string

	// Type is the index_type, such as "code" or "knowledge_base_jira".
	Type string

	JQL, XrayJQL, WikiQuery, WikiName, WIQL, AuthType string

	// Busy says that it is being indexed.
	Busy bool
}

// Conversation is a chat in the history.
type Conversation struct {
	ID, Name, AssistantID, Folder string
	Messages                      []Message
}

// Message is one entry of a chat's history.
type Message struct {
	Role        string `json:"role"`
	Text        string `json:"message"`
	ExecutionID string `json:"execution_id,omitempty"`
}

// Request is one that came in, in full.
type Request struct {
	Method string
	// Route is the pattern that it matched, such as
	// "POST /v1/assistants/{id}/model", or "".
	Route  string
	Path   string // escaped
	Query  string
	Header http.Header
	Body   []byte
}

// run is a task or an execution.
type run struct {
	id, owner, text, conversation string
	looks                         int
}

// New returns a platform that accepts the token.
func New(token string) *Platform {
	p := &Platform{
		mux:           http.NewServeMux(),
		token:         token,
		looks:         1,
		assistants:    make(map[string]string),
		workflows:     make(map[string]string),
		datasources:   make(map[string]Datasource),
		conversations: make(map[string]*Conversation),
		tasks:         make(map[string]*run),
		executions:    make(map[string]*run),
		reindexed:     make(map[string]int),
	}
	p.routes()
	return p
}

// SetToken makes another token the accepted one.
func (p *Platform) SetToken(token string) { p.set(func() { p.token = token }) }

// SetLooks sets how many looks at a run find it going on. Default: 1.
func (p *Platform) SetLooks(n int) { p.set(func() { p.looks = n }) }

// SetFailing makes runs fail.
func (p *Platform) SetFailing(failing bool) { p.set(func() { p.failing = failing }) }

// SetSilent makes every reindex route answer "Edit successful", as the
// platform does when it starts nothing.
func (p *Platform) SetSilent(silent bool) { p.set(func() { p.silent = silent }) }

// AddAssistant adds an assistant to the project.
func (p *Platform) AddAssistant(id, project string) { p.set(func() { p.assistants[id] = project }) }

// AddWorkflow adds a workflow to the project.
func (p *Platform) AddWorkflow(id, project string) { p.set(func() { p.workflows[id] = project }) }

// AddDatasource adds a datasource, or replaces the one of the same ID.
func (p *Platform) AddDatasource(d Datasource) { p.set(func() { p.datasources[d.ID] = d }) }

func (p *Platform) set(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
}

// Requests returns what came in, in order.
func (p *Platform) Requests() []Request {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.requests)
}

// Count returns how many requests matched the route.
func (p *Platform) Count(route string) int {
	n := 0
	for _, request := range p.Requests() {
		if request.Route == route {
			n++
		}
	}
	return n
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

// Runs counts the tasks and executions that were started.
func (p *Platform) Runs() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.tasks) + len(p.executions)
}

// Reindexed counts how often the datasource was indexed again.
func (p *Platform) Reindexed(id string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.reindexed[id]
}

// Fault replaces the answers of one route.
type Fault struct {
	// Route is the pattern, such as "POST /v1/assistants/{id}/model".
	Route string

	// Times is how many requests it meets; 0 means all.
	Times int

	// Applied says that the request takes effect all the same.
	Applied bool

	// Answer writes the answer.
	Answer http.HandlerFunc

	met int
}

// Inject adds a fault. The first one that fits a request is used.
func (p *Platform) Inject(fault Fault) { p.set(func() { p.faults = append(p.faults, &fault) }) }

// Heal removes all faults.
func (p *Platform) Heal() { p.set(func() { p.faults = nil }) }

func (p *Platform) faultFor(route string) *Fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, fault := range p.faults {
		if fault.Route == route && (fault.Times == 0 || fault.met < fault.Times) {
			fault.met++
			return fault
		}
	}
	return nil
}

// Status answers with the status and the platform's error body.
func Status(status int, message string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { writeError(w, status, message) }
}

// Body answers 200 with the text.
func Body(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) }
}

// Drop breaks the connection without an answer.
func Drop(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

// Hang answers nothing until the client goes.
func Hang(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// Endless answers 200 with a string that never ends.
func Endless(w http.ResponseWriter, r *http.Request) {
	_, _ = io.WriteString(w, `{"thoughts":"`)
	for filler := bytes.Repeat([]byte("x"), 32<<10); r.Context().Err() == nil; {
		if _, err := w.Write(filler); err != nil {
			return
		}
	}
}

// ServeHTTP records the request, and answers as the platform or a fault does.
func (p *Platform) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	handler, route := p.mux.Handler(r)
	p.set(func() {
		p.requests = append(p.requests, Request{
			Method: r.Method, Route: route, Path: r.URL.EscapedPath(), Query: r.URL.RawQuery,
			Header: r.Header.Clone(), Body: body,
		})
	})
	if fault := p.faultFor(route); fault != nil {
		if fault.Applied {
			p.mux.ServeHTTP(httptest.NewRecorder(), r)
		}
		fault.Answer(w, r)
		return
	}
	if route == "" {
		handler.ServeHTTP(w, r)
		return
	}
	p.mux.ServeHTTP(w, r)
}

// id makes an ID. The caller holds the lock.
func (p *Platform) id(kind string) string {
	p.made++
	return fmt.Sprintf("%s-%d", kind, p.made)
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value)
}

func writeError(w http.ResponseWriter, status int, message string) {
	type explanation struct {
		Message string `json:"message"`
		Details string `json:"details"`
		Help    string `json:"help"`
	}
	writeJSON(w, status, map[string]explanation{"error": {message, "What the platform adds.", ""}})
}
