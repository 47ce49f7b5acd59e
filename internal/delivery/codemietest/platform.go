// Package codemietest simulates the CodeMie platform for tests: the routes that
// the codemie trigger and the import use, with the platform's statuses and
// bodies, and switches for its faults and those of proxies in front of it.
package codemietest

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
)

// Platform is the simulation: an http.Handler for all routes below the root
// path. It works without a clock: a run ends when it, or its chat, has been
// polled often enough.
type Platform struct {
	mux *http.ServeMux

	mu            sync.Mutex
	token         string
	looks         int
	failing       bool
	silent        bool
	away          bool
	stuck         bool
	broken        bool
	output        string
	usage         Usage
	faults        []*Fault
	requests      []Request
	assistants    map[string]Assistant
	workflows     map[string]string // ID to project
	datasources   map[string]*index
	conversations map[string]*Conversation
	tasks         map[string]*run
	executions    map[string]*run
	settings      []Setting
	spoiled       map[any]bool // connections that break after the next request
	made          int
}

// Assistant is an assistant of the platform.
type Assistant struct {
	ID, Project string

	// Type is "codemie" if it is empty.
	Type string
}

// Usage is what the platform counts for a run.
type Usage struct {
	Input, Output int
	Cost          float64
}

// Request is a request that was received, complete.
type Request struct {
	Method string
	// Route is the pattern that it matched, such as
	// "POST /v1/assistants/{id}/model", or "".
	Route  string
	Path   string // escaped
	Query  string
	Header http.Header
	Body   []byte
	// Reused means that an earlier request used the same connection. The server's
	// ConnContext must be the platform's.
	Reused bool
}

// New returns a platform that accepts the token.
func New(token string) *Platform {
	p := &Platform{
		mux:           http.NewServeMux(),
		token:         token,
		looks:         1,
		output:        "An answer.",
		usage:         Usage{Input: 1200, Output: 80, Cost: 0.0135},
		assistants:    make(map[string]Assistant),
		workflows:     make(map[string]string),
		datasources:   make(map[string]*index),
		conversations: make(map[string]*Conversation),
		tasks:         make(map[string]*run),
		executions:    make(map[string]*run),
		spoiled:       make(map[any]bool),
	}
	p.routes()
	return p
}

// SetToken makes another token the accepted one.
func (p *Platform) SetToken(token string) { p.set(func() { p.token = token }) }

// SetLooks sets how many polls find a run in progress. Default: 1.
func (p *Platform) SetLooks(n int) { p.set(func() { p.looks = n }) }

// SetFailing makes runs fail in the way that the platform admits.
func (p *Platform) SetFailing(failing bool) { p.set(func() { p.failing = failing }) }

// SetOutput sets the text that an assistant's runs end with, and what is
// counted for each run. Without tokens this is also how the platform reports
// most failures: the run is completed, and its output is the error text.
func (p *Platform) SetOutput(text string, usage Usage) {
	p.set(func() { p.output, p.usage = text, usage })
}

// SetSilent makes every reindex route answer "Edit successful", as the
// platform does when it starts nothing.
func (p *Platform) SetSilent(silent bool) { p.set(func() { p.silent = silent }) }

// SetAway makes the platform's database unavailable: tasks and workflows are
// not found, and everything else is an error with a stack trace.
func (p *Platform) SetAway(away bool) { p.set(func() { p.away = away }) }

// SetStuck keeps tasks in their first state for ever, and their chats empty.
func (p *Platform) SetStuck(stuck bool) { p.set(func() { p.stuck = stuck }) }

// SetBroken makes every start fail with a 500 after it has left its traces: an
// execution that nothing works on, an error text in the chat.
func (p *Platform) SetBroken(broken bool) { p.set(func() { p.broken = broken }) }

// AddAssistant adds an assistant to the project.
func (p *Platform) AddAssistant(id, project string) {
	p.PutAssistant(Assistant{ID: id, Project: project})
}

// PutAssistant adds an assistant, or replaces the one with the same ID.
func (p *Platform) PutAssistant(a Assistant) { p.set(func() { p.assistants[a.ID] = a }) }

// AddWorkflow adds a workflow to the project.
func (p *Platform) AddWorkflow(id, project string) { p.set(func() { p.workflows[id] = project }) }

func (p *Platform) set(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
}

// Requests returns the received requests, in order.
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

// Runs counts the tasks and executions that were started.
func (p *Platform) Runs() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.tasks) + len(p.executions)
}

// ServeHTTP records the request, and answers as the platform or a fault does.
func (p *Platform) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	handler, route := p.mux.Handler(r)
	reused, broken := p.connection(r)
	p.set(func() {
		p.requests = append(p.requests, Request{
			Method: r.Method, Route: route, Path: r.URL.EscapedPath(), Query: r.URL.RawQuery,
			Header: r.Header.Clone(), Body: body, Reused: reused,
		})
	})
	if broken {
		p.mux.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	}
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

// id generates an ID. The caller holds the lock.
func (p *Platform) id(kind string) string {
	p.made++
	return fmt.Sprintf("%s-%d", kind, p.made)
}
