// Package admin is the admin API: integrations, their events, and the status,
// over HTTP.
package admin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"

	"go.uber.org/zap"

	"github.com/hookgate/hookgate/internal/adminapi"
	"github.com/hookgate/hookgate/internal/form"
	"github.com/hookgate/hookgate/internal/gate"
	"github.com/hookgate/hookgate/internal/integration"
	"github.com/hookgate/hookgate/module/storage"
)

// Backend is what a request operates on: the configuration that is active when
// it arrives.
type Backend struct {
	Service *integration.Service
	View    integration.View
	Storage storage.Backend

	// Base returns what precedes the webhook ID in the URL of a project's
	// integration.
	Base func(project string) string

	// PublicURL returns the same if that is a complete URL, and otherwise "".
	PublicURL func(project string) string

	// Holdings returns the gateway's current state.
	Holdings func() Holdings

	// Reads bounds concurrent reads.
	Reads *Reads

	// Replays is the rate of all bulk replays.
	Replays *Pace

	// Tests bounds the test events of each project.
	Tests *Quota

	// Edge is where test events go.
	Edge *gate.Config

	Logger *zap.Logger
}

// Serve answers a request whose path begins with /webhooks/.
func Serve(w http.ResponseWriter, r *http.Request, b Backend) {
	c := &call{Backend: b, w: w, r: r, out: taken{w: w, within: stallTime, least: leastTaken}}
	if err := c.serve(); err != nil {
		c.fail(err)
	}
}

// call is one request.
type call struct {
	Backend
	w http.ResponseWriter
	r *http.Request

	// out is the body of the answer.
	out taken

	// Values from the path.
	project, webhookID string
	event              storage.ID
}

func (c *call) serve() error {
	segments, err := split(c.r.URL.EscapedPath())
	if err != nil {
		return err
	}
	for _, route := range routes {
		names, ok := route.match(segments)
		if !ok {
			continue
		}
		if err := c.take(names); err != nil {
			return err
		}
		serve, ok := route.methods[c.r.Method]
		if !ok {
			c.w.Header().Set("Allow", route.allow())
			return &refusal{http.StatusMethodNotAllowed, "this method is not allowed here"}
		}
		return serve(c)
	}
	return &refusal{http.StatusNotFound, "nothing exists at this path"}
}

// refusal is an error made by the caller.
type refusal struct {
	status int
	text   string
}

func (r *refusal) Error() string { return r.text }

func badRequest(format string, args ...any) error {
	return &refusal{http.StatusBadRequest, fmt.Sprintf(format, args...)}
}

// fail answers an error. Errors that are not the caller's are only logged. Once
// an answer has begun, the connection is cut, so that nobody takes a part for
// the whole.
func (c *call) fail(err error) {
	status, text := explain(err)
	var own *refusal
	switch {
	case c.out.begun:
		c.cut(err)
	case errors.Is(err, context.Canceled):
		return // client disconnected
	case status == http.StatusServiceUnavailable:
		c.w.Header().Set("Retry-After", "5")
		if !errors.As(err, &own) {
			c.Logger.Warn("answering an admin request", zap.Error(err))
		}
	case status == http.StatusInternalServerError:
		c.Logger.Error("answering an admin request", zap.Error(err))
	}
	answer := adminapi.Failure{Error: text}
	if rejected := new(form.Refusal); errors.As(err, &rejected) {
		answer.Code, answer.Errors = "invalid_form", rejected.Faults
	}
	c.answer(status, answer)
}

// cut aborts an answer that cannot be completed.
func (c *call) cut(err error) {
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		c.Logger.Info("an administrator's answer was not read and is aborted", zap.String("path", c.r.URL.Path))
	case c.r.Context().Err() == nil:
		c.Logger.Error("answering an admin request", zap.Error(err))
	}
	panic(http.ErrAbortHandler)
}

// explain returns an error's status, and the text for the caller.
func explain(err error) (status int, text string) {
	var own *refusal
	var rejected *form.Refusal
	var reached *storage.LimitError
	var conflict integration.Conflict
	switch {
	case errors.As(err, &own):
		return own.status, own.text
	case errors.As(err, &rejected):
		return http.StatusBadRequest, rejected.Error()
	case errors.As(err, &conflict):
		return http.StatusConflict, conflict.Error()
	case errors.Is(err, integration.ErrNotFound):
		return http.StatusNotFound, integration.ErrNotFound.Error()
	case errors.Is(err, storage.ErrNotFound):
		return http.StatusNotFound, "no such event"
	case errors.Is(err, integration.ErrExists), errors.Is(err, integration.ErrReadOnly), errors.Is(err, integration.ErrPending):
		return http.StatusConflict, err.Error()
	case errors.Is(err, storage.ErrPending):
		return http.StatusConflict, "this event or a replay of it is pending"
	case errors.Is(err, storage.ErrConflict):
		return http.StatusConflict, "the integration is being changed concurrently; try again"
	case errors.Is(err, storage.ErrBusy):
		return http.StatusConflict, "a backup is already being written"
	case errors.Is(err, integration.ErrPrecondition):
		return http.StatusPreconditionFailed, err.Error()
	case errors.As(err, &reached) && limitWords[reached.Limit] != "":
		return http.StatusConflict, "the limit " + reached.Limit + " is reached: " + limitWords[reached.Limit]
	case errors.As(err, &reached):
		return http.StatusServiceUnavailable, "the limit " + reached.Limit + " is reached"
	case errors.Is(err, storage.ErrUnavailable):
		return http.StatusServiceUnavailable, "the storage is unavailable; the log says why"
	default:
		return http.StatusInternalServerError, "the request failed; the log says why"
	}
}

// limitWords describe the limits on integrations.
var limitWords = map[string]string{
	storage.LimitProjectIntegrations: "the project has reached its limit of integrations and reserved webhook IDs; " +
		"an ID that never had an accepted request becomes free 30 days after its deletion",
	storage.LimitProjectIntegrationBytes: "the project's integrations have reached their limit of bytes",
}

// methods are the handlers of a path by method.
type methods map[string]func(*call) error

// route is a path pattern with names in braces, and its methods.
type route struct {
	segments []string
	methods  methods
}

var routes = []route{
	at("/webhooks/status", methods{http.MethodGet: (*call).status}),
	at("/webhooks/backup", methods{http.MethodGet: (*call).backup}),
	at("/webhooks/integrations", methods{http.MethodGet: seated((*call).listIntegrations)}),
	at("/webhooks/projects/{project}/integrations", methods{
		http.MethodGet:  seated((*call).listIntegrations),
		http.MethodPost: (*call).createIntegration,
	}),
	at("/webhooks/projects/{project}/integrations/{webhook_id}", methods{
		http.MethodGet:    (*call).getIntegration,
		http.MethodPut:    (*call).putIntegration,
		http.MethodPatch:  (*call).patchIntegration,
		http.MethodDelete: (*call).deleteIntegration,
	}),
	at("/webhooks/projects/{project}/integrations/{webhook_id}/events", methods{http.MethodGet: seated((*call).listEvents)}),
	at("/webhooks/projects/{project}/integrations/{webhook_id}/events/match", methods{http.MethodPost: seated((*call).matchEvents)}),
	at("/webhooks/projects/{project}/integrations/{webhook_id}/events/{event}", methods{http.MethodGet: seated((*call).getEvent)}),
	at("/webhooks/projects/{project}/integrations/{webhook_id}/events/{event}/replay", methods{http.MethodPost: (*call).replayEvent}),
	at("/webhooks/projects/{project}/integrations/{webhook_id}/replay", methods{http.MethodPost: seated((*call).replayEvents)}),
	at("/webhooks/projects/{project}/integrations/{webhook_id}/handshake", methods{
		http.MethodGet:    (*call).getHandshake,
		http.MethodPost:   (*call).openHandshake,
		http.MethodDelete: (*call).closeHandshake,
	}),
	at("/webhooks/projects/{project}/integrations/{webhook_id}/handshake/confirm", methods{http.MethodPost: (*call).confirmHandshake}),
	at("/webhooks/projects/{project}/integrations/{webhook_id}/test", methods{http.MethodPost: (*call).test}),
}

func at(path string, methods methods) route {
	return route{segments: strings.Split(path, "/")[1:], methods: methods}
}

// match returns the values of the named segments.
func (r route) match(segments []string) (names map[string]string, ok bool) {
	if len(segments) != len(r.segments) {
		return nil, false
	}
	names = make(map[string]string)
	for i, want := range r.segments {
		name, isName := strings.CutPrefix(want, "{")
		switch {
		case isName:
			names[strings.TrimSuffix(name, "}")] = segments[i]
		case segments[i] != want:
			return nil, false
		}
	}
	return names, true
}

// allow lists the methods.
func (r route) allow() string {
	var names []string
	for name := range r.methods {
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// take stores the values from the path, if they are valid.
func (c *call) take(names map[string]string) error {
	for name, text := range names {
		switch name {
		case "project":
			if !integration.ValidProject(text) {
				return badRequest("the path has no valid project")
			}
			c.project = text
		case "webhook_id":
			if !integration.ValidWebhookID(text) {
				return badRequest("the path has no valid webhook ID")
			}
			c.webhookID = text
		case "event":
			var err error
			if c.event, err = storage.ParseID(text); err != nil {
				return badRequest("the path has no valid event ID")
			}
		}
	}
	return nil
}
