package settings

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hookgate/hookgate/internal/integration"
)

// Form is how an integration of the platform looks here: the form of the admin
// API, with the fields that the platform has.
type Form struct {
	WebhookID      string         `json:"webhook_id"`
	Alias          string         `json:"alias"`
	IsEnabled      bool           `json:"is_enabled"`
	Authentication Authentication `json:"authentication"`
	EventFilter    []string       `json:"event_filter"`
	Resource       Resource       `json:"resource"`
}

// Authentication are the ways in that the platform supports.
type Authentication struct {
	SecureHeader *SecureHeader `json:"secure_header"`
	Signature    *Signature    `json:"signature"`

	// RequireSHA256 is nil if the platform does not determine it.
	RequireSHA256 *bool `json:"require_sha256_signature,omitempty"`

	AllowUnauthenticated bool `json:"allow_unauthenticated"`
}

// SecureHeader is a header with a secret value.
type SecureHeader struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Signature is a sender's scheme with its secret.
type Signature struct {
	Provider string   `json:"provider"`
	Secrets  []string `json:"secrets"`
}

// Resource is what is started.
type Resource struct {
	Type string `json:"type"`
	ID   string `json:"id"`
}

// WebhookID is the last part of the integration's URL, there and here.
func (s *Setting) WebhookID() string {
	id, _ := s.values["webhook_id"].(string)
	return id
}

// Form returns the integration's form here, with notes on what differs
// slightly, or the reason why it cannot be imported. Neither contains a secret.
func (s *Setting) Form() (form *Form, notes []string, refusal string) {
	r := reader{setting: s}
	form = r.form()
	if r.refusal != "" {
		return nil, nil, r.refusal
	}
	return form, r.notes, ""
}

// reader reads the values of one setting, and keeps the first error.
type reader struct {
	setting *Setting
	notes   []string
	refusal string
}

func (r *reader) refuse(format string, args ...any) {
	if r.refusal == "" {
		r.refusal = fmt.Sprintf(format, args...)
	}
}

func (r *reader) note(text string) { r.notes = append(r.notes, text) }

// text returns a text value, or "" if it is missing.
func (r *reader) text(key string) string {
	switch value := r.setting.values[key].(type) {
	case nil:
		return ""
	case string:
		return value
	}
	r.refuse("its %s is not a text", key)
	return ""
}

// mask stands for a secret that the platform does not reveal.
const mask = "**********"

// secret returns a text that must not be masked.
func (r *reader) secret(key, name string) string {
	text := r.text(key)
	if text == mask {
		r.refuse("the platform masks %s, and a masked value cannot be imported: create the integration here, with the value itself", name)
	}
	return text
}

// truth interprets a value as the platform does: every non-empty text counts as
// true, even "false".
func truth(value any) bool {
	switch value := value.(type) {
	case nil:
		return false
	case bool:
		return value
	case string:
		return value != ""
	case float64:
		return value != 0
	case []any:
		return len(value) > 0
	case map[string]any:
		return len(value) > 0
	}
	return true
}

func (r *reader) form() *Form {
	f := &Form{WebhookID: r.text("webhook_id"), Alias: r.setting.Alias, EventFilter: []string{}}
	switch {
	case !integration.ValidProject(r.setting.Project):
		r.refuse("the project name %s is not valid here: only letters, digits and . _ @ - are allowed", quote(r.setting.Project))
	case f.WebhookID == "":
		r.refuse("it has no webhook ID")
	case !integration.ValidWebhookID(f.WebhookID):
		r.refuse("the webhook ID %s is not valid here: only letters, digits, _ and - are allowed", quote(f.WebhookID))
	}
	f.IsEnabled = r.enabled()
	f.Resource = r.resource()
	r.credentials(f)
	return f
}

func (r *reader) enabled() bool {
	value, present := r.setting.values["is_enabled"]
	enabled := truth(value)
	if text, isText := value.(string); isText && strings.EqualFold(text, "false") {
		r.note(`is_enabled is the text "false" there, which counts as enabled`)
	}
	if !present {
		r.note("is_enabled is not set there, which counts as disabled")
	}
	return enabled
}

func (r *reader) resource() Resource {
	resource := Resource{Type: r.text("resource_type"), ID: r.text("resource_id")}
	switch {
	case !slices.Contains([]string{"assistant", "workflow", "datasource"}, resource.Type):
		r.refuse("its resource type %s is not one of the platform's", quote(resource.Type))
	case !integration.ValidResourceID(resource.ID):
		r.refuse("its resource ID %s is not valid here", quote(resource.ID))
	}
	return resource
}

// credentials sets the ways in and, for the sender that they belong to, the
// filter.
func (r *reader) credentials(f *Form) {
	github := r.secret("github_webhook_secret", "the GitHub webhook secret")
	gitlab := r.secret("gitlab_webhook_token", "the GitLab secret token")
	name, value := r.text("secure_header_name"), r.secret("secure_header_value", "the value of the secure header")
	in := &f.Authentication
	switch {
	case github != "" && gitlab != "":
		r.refuse("it has secrets of GitHub and of GitLab: create an integration here for each of the two senders")
	case github != "":
		in.Signature = &Signature{Provider: "github", Secrets: []string{github}}
		required := r.setting.values["github_require_sha256"]
		in.RequireSHA256 = new(bool)
		*in.RequireSHA256 = required == nil || truth(required)
		f.EventFilter = r.names("github_event_filter", "")
	case gitlab != "":
		in.Signature = &Signature{Provider: "gitlab", Secrets: []string{gitlab}}
		// There the filter concerns only merge requests.
		if f.EventFilter = r.names("gitlab_event_filter", "merge_request."); len(f.EventFilter) > 0 {
			r.note("events other than merge requests pass the filter there, but not here: add their names to event_filter")
		}
	}
	switch {
	case name != "" && value != "":
		in.SecureHeader = &SecureHeader{Name: name, Value: value}
		if in.RequireSHA256 != nil && *in.RequireSHA256 {
			r.note("the secure header alone admits a request there, but not here, where a SHA-256 signature is required")
		}
	case name != "" || value != "":
		r.note("the secure header has a name without a value, or the reverse, and is left out: the platform ignores it")
	}
	if in.Signature == nil && in.SecureHeader == nil {
		r.refuse("the platform fails open for it: it has no secret, so anyone who knows its address may call it. Create it here, with a secret")
	}
	for _, sender := range []string{"github", "gitlab"} {
		key := sender + "_event_filter"
		if (in.Signature == nil || in.Signature.Provider != sender) && r.text(key) != "" {
			r.note(key + " is left out: without a secret of that sender the platform ignores it")
		}
	}
}

// names splits a comma-separated list.
func (r *reader) names(key, before string) []string {
	names := []string{}
	for name := range strings.SplitSeq(r.text(key), ",") {
		if name = strings.TrimSpace(name); name != "" && !slices.Contains(names, before+name) {
			names = append(names, before+name)
		}
	}
	return names
}

// quote makes the platform's text fit for display.
func quote(text string) string {
	if runes := []rune(text); len(runes) > maxNote {
		text = string(runes[:maxNote-1]) + "…"
	}
	return fmt.Sprintf("%q", text)
}
