package codemietest

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
)

// Fault replaces the answers of one route.
type Fault struct {
	// Route is the pattern, such as "POST /v1/assistants/{id}/model".
	Route string

	// Times is how many requests it affects; 0 means all.
	Times int

	// Applied means that the request takes effect nevertheless.
	Applied bool

	// Answer writes the answer.
	Answer http.HandlerFunc

	met int
}

// Inject adds a fault. The first one that matches a request is used.
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

// Page answers with the status and a page of HTML, as a proxy in front of the
// platform does.
func Page(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "<html><body><h1>default backend</h1></body></html>")
	}
}

// Crash answers as the platform does when its own code fails: the end of a
// stack trace, whose last line explains it.
func Crash(w http.ResponseWriter, _ *http.Request) {
	trace := `Traceback (most recent call last):
  File "/app/.venv/lib/python3.12/site-packages/starlette/middleware/base.py", line 148, in call_next
    message = await recv_stream.receive()
  File "/app/src/codemie/rest_api/routers/workflow_executions.py", line 244, in create_workflow_execution
    workflow_config = WorkflowService().get_workflow(workflow_id)
sqlalchemy.exc.OperationalError: connection to server at "db" failed
`
	writeError(w, http.StatusInternalServerError, "Internal Server Error. <br> Stacktrace: "+trace)
}

// Plain answers with the status and bare text, as the platform's server does
// when its own error handling has failed.
func Plain(status int, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { http.Error(w, text, status) }
}

// Body answers 200 with the text.
func Body(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) }
}

// Drop breaks the connection without an answer.
func Drop(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

// Hang answers nothing until the client disconnects.
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

type connectionKey struct{}

// ConnContext lets the platform distinguish its server's connections. If a
// run's background work fails, it breaks the connection that its start used, as
// the platform's server does: the next request there takes effect and gets no
// answer.
func (p *Platform) ConnContext(ctx context.Context, connection net.Conn) context.Context {
	return context.WithValue(ctx, connectionKey{}, connection)
}

// connection reports whether the request's connection was used before, and
// whether it breaks now. A start spoils its connection.
func (p *Platform) connection(r *http.Request) (reused, broken bool) {
	key := r.Context().Value(connectionKey{})
	if key == nil {
		return false, false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	spoiled, seen := p.spoiled[key]
	_, route := p.mux.Handler(r)
	p.spoiled[key] = route == chatRoute || route == executeRoute
	return seen, spoiled
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

// read decodes the request's body, which must be an object.
func read(w http.ResponseWriter, r *http.Request, into any) bool {
	if err := json.NewDecoder(r.Body).Decode(into); err != nil {
		writeError(w, http.StatusUnprocessableEntity, "JSON decode error")
		return false
	}
	return true
}
