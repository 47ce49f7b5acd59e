package placeholder

import (
	"errors"
	"fmt"
	"strings"

	"github.com/hookgate/hookgate/internal/syntax"
	"github.com/hookgate/hookgate/module/trigger"
)

// part is a piece of a template: literal text, or the value of a placeholder.
type part struct {
	text  string
	value func(*trigger.Event) string // nil for a literal
}

// template is text with placeholders, taken apart once at load. What a value
// or an operator's placeholder brings in is never looked at again.
type template []part

// parse takes the text apart. `\{` and `\}` are literal braces; any other
// brace that encloses a name is a placeholder, and an unknown one is an error.
func parse(text string, expand Expand) (template, error) {
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
	for _, p := range syntax.Template(text, isPlaceholder) {
		if p.Name == "" {
			literal(p.Text)
			continue
		}
		if value, known := values[p.Name]; known {
			parts = append(parts, part{value: value})
			continue
		}
		expanded, err := expand.one("{" + p.Name + "}")
		if err != nil {
			return nil, err
		}
		literal(expanded)
	}
	return parts, nil
}

// isPlaceholder reports whether braces around the text are a placeholder: JSON's hold
// white space, quotes or nothing.
func isPlaceholder(text string) bool {
	return text != "" && !strings.ContainsAny(text, "{\"'\\, \t\r\n")
}

// one resolves one placeholder.
func (e Expand) one(placeholder string) (string, error) {
	if e == nil {
		return "", fmt.Errorf("unknown placeholder %s", placeholder)
	}
	return e(placeholder)
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
