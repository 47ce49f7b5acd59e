package endpoint

import (
	"errors"
	"fmt"
	"strings"

	"github.com/hookgate/hookgate/module/trigger"
)

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

// part is a piece of a template: literal text, or the value of a placeholder.
type part struct {
	text  string
	value func(*trigger.Event) string // nil for a literal
}

// template is text with placeholders, taken apart once at load. What a value
// or an operator's placeholder brings in is never looked at again.
type template []part

// expander resolves the operator's own placeholders, such as {env.NAME}. It
// gets one placeholder with its braces.
type expander func(placeholder string) (string, error)

// parse takes the text apart. `\{` and `\}` are literal braces; any other
// brace that encloses a name is a placeholder, and an unknown one is an error.
func parse(text string, expand expander) (template, error) {
	var parts template
	literal := func(s string) {
		if s == "" {
			return
		}
		if last := len(parts) - 1; last >= 0 && parts[last].value == nil {
			parts[last].text += s
			return
		}
		parts = append(parts, part{text: s})
	}
	for {
		at := strings.IndexAny(text, `\{`)
		if at < 0 {
			literal(text)
			return parts, nil
		}
		literal(text[:at])
		text = text[at:]

		if text[0] == '\\' {
			if len(text) > 1 && (text[1] == '{' || text[1] == '}') {
				literal(text[1:2])
				text = text[2:]
			} else {
				literal(`\`)
				text = text[1:]
			}
			continue
		}

		name, found := placeholder(text)
		if !found {
			literal("{")
			text = text[1:]
			continue
		}
		text = text[len(name)+2:]
		if value, known := values[name]; known {
			parts = append(parts, part{value: value})
			continue
		}
		expanded, err := expand("{" + name + "}")
		if err != nil {
			return nil, err
		}
		literal(expanded)
	}
}

// placeholder returns the name in the braces that text begins with. JSON's
// braces hold white space, quotes or nothing, and so are no placeholder.
func placeholder(text string) (string, bool) {
	end := strings.IndexByte(text, '}')
	if end < 2 {
		return "", false
	}
	name := text[1:end]
	return name, !strings.ContainsAny(name, "{\"'\\, \t\r\n")
}

// unknownPlaceholder is the expander for a configuration without operator's
// placeholders.
func unknownPlaceholder(placeholder string) (string, error) {
	return "", fmt.Errorf("unknown placeholder %s", placeholder)
}

// render fills in the event's values, each made safe by escape.
func (t template) render(event *trigger.Event, escape func(string) (string, error)) (string, error) {
	var out strings.Builder
	for _, p := range t {
		if p.value == nil {
			out.WriteString(p.text)
			continue
		}
		safe, err := escape(p.value(event))
		if err != nil {
			return "", err
		}
		out.WriteString(safe)
	}
	return out.String(), nil
}

var (
	errSegment = errors.New("a value for the path is empty, a dot segment, or holds a control character")
	errHeader  = errors.New("a value for a header has a control character")
)
