// Package placeholder fills {webhook.*} placeholders in what a trigger sends: a
// URL, header fields, a JSON body. An event's values come from a sender, so
// each is escaped for its context and never expanded again.
//
// The placeholders are {webhook.id}, {webhook.project}, {webhook.alias},
// {webhook.provider}, {webhook.event}, {webhook.event_id},
// {webhook.delivery_id}, {webhook.resource_type} and {webhook.resource_id}. Any
// other name in braces is the operator's and is resolved once, by an Expand;
// `\{` and `\}` are literal braces.
package placeholder

import "github.com/hookgate/hookgate/module/trigger"

// Expand resolves a placeholder of the operator's own, such as {env.NAME}; it
// gets one at a time, with its braces. A nil Expand knows none. That of Caddy's
// placeholders is triggerconfig.Expand.
type Expand func(placeholder string) (string, error)

// values are the placeholders that an event fills in.
var values = map[string]func(*trigger.Event) string{
	"webhook.id":            func(e *trigger.Event) string { return e.WebhookID },
	"webhook.project":       func(e *trigger.Event) string { return e.Project },
	"webhook.alias":         func(e *trigger.Event) string { return e.Alias },
	"webhook.provider":      func(e *trigger.Event) string { return e.Provider },
	"webhook.event":         func(e *trigger.Event) string { return e.Type },
	"webhook.event_id":      func(e *trigger.Event) string { return e.ID },
	"webhook.delivery_id":   func(e *trigger.Event) string { return e.DeliveryID },
	"webhook.resource_type": func(e *trigger.Event) string { return e.Resource.Type },
	"webhook.resource_id":   func(e *trigger.Event) string { return e.Resource.ID },
}
