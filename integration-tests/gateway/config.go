package gateway

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
)

// Config is a Caddyfile with one plain HTTP site: the contents of the global
// option webhooks, and of the site. Everything is logged, at debug level.
func Config(webhooks, site string) string {
	return fmt.Sprintf(`{
	admin {$ADMIN}
	persist_config off
	log {
		level DEBUG
	}
	webhooks {
%s
	}
}

http://:{$PORT} {
	bind 127.0.0.1
%s
}
`, webhooks, site)
}

// Edge is a site in which every request reaches the handler.
const Edge = "\twebhooks\n"

// Ticket is a trigger for the resource type ticket at the sink, with further
// options.
func Ticket(sink *Sink, options ...string) string {
	return fmt.Sprintf("trigger http ticket %s/{webhook.resource_id} {\n%s\n}\n", sink.URL, strings.Join(options, "\n"))
}

// Create creates an integration through the admin API and returns the answer.
func (g *Gateway) Create(t testing.TB, project string, integration M) M {
	t.Helper()
	return g.API("POST", Integrations(project), integration).Want(t, 201).JSON(t)
}

// Integrations is the admin API's path of a project's integrations.
func Integrations(project string) string {
	return "/webhooks/projects/" + url.PathEscape(project) + "/integrations"
}

// Integration is the admin API's path of an integration, or of something below
// it.
func Integration(project, id string, below ...string) string {
	return strings.Join(append([]string{Integrations(project), id}, below...), "/")
}

// Event reads one event through the admin API.
func (g *Gateway) Event(t testing.TB, project, id, event string) M {
	t.Helper()
	return g.API("GET", Integration(project, id, "events", event), nil).Want(t, 200).JSON(t)
}

// WaitStatus waits until an event has a status, and returns it.
func (g *Gateway) WaitStatus(t testing.TB, project, id, event, status string) M {
	t.Helper()
	var record M
	Eventually(t, "the event is "+status, func() bool {
		record = g.Event(t, project, id, event)
		return record["status"] == status
	})
	return record
}
