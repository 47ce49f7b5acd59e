// Package payload makes what a trigger receives out of an event: values picked
// from its payload by path, as a JSON object or in a text, bounded in size.
package payload

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/tidwall/gjson"

	"github.com/hookgate/hookgate/internal/document"
	"github.com/hookgate/hookgate/module/trigger"
)

// The bounds of a Spec.
const (
	DefaultMaxBytes = 64 << 10

	maxMaxBytes = 1 << 20
	maxFields   = 32
	maxName     = 64       // bytes of a field's name
	maxPath     = 256      // bytes
	maxTemplate = 16 << 10 // bytes
)

// Spec is what a trigger is to receive.
type Spec struct {
	// Fields are the paths (of gjson) of values by the names under which they
	// are used.
	Fields map[string]string `json:"fields,omitempty"`

	// Template is a text in which {name} stands for the value of a field. Without
	// it the trigger receives a JSON object of the fields.
	Template string `json:"template,omitempty"`

	// MaxBytes is how many bytes of values there are at most, those used twice
	// counted twice. Default: DefaultMaxBytes.
	MaxBytes int `json:"max_bytes"`
}

// Refusal is what is wrong with a Spec.
type Refusal struct {
	Field  string // of the Spec as it is written in JSON
	Reason string
}

func (r *Refusal) Error() string { return r.Field + ": " + r.Reason }

func refuse(field, format string, args ...any) error {
	return &Refusal{field, fmt.Sprintf(format, args...)}
}

// Shape is a compiled Spec. It is never changed, so many goroutines may use it.
// The nil Shape leaves events as they are.
type Shape struct {
	names    []string // in order
	paths    map[string]string
	template template // nil for a JSON object
	maxBytes int
}

// Compile checks a Spec and prepares it. An error is a *Refusal.
func Compile(spec Spec) (*Shape, error) {
	s := &Shape{names: slices.Sorted(maps.Keys(spec.Fields)), paths: maps.Clone(spec.Fields), maxBytes: spec.MaxBytes}
	if s.maxBytes == 0 {
		s.maxBytes = DefaultMaxBytes
	}
	switch {
	case s.maxBytes < 0 || s.maxBytes > maxMaxBytes:
		return nil, refuse("max_bytes", "a number from 1 to %d is needed", maxMaxBytes)
	case len(s.names) > maxFields:
		return nil, refuse("fields", "at most %d are allowed", maxFields)
	case len(s.names) == 0 && spec.Template == "":
		return nil, refuse("fields", "at least one is needed, or a template")
	case len(spec.Template) > maxTemplate:
		return nil, refuse("template", "at most %d bytes are allowed", maxTemplate)
	case !utf8.ValidString(spec.Template):
		return nil, refuse("template", "it must be valid Unicode")
	}
	for _, name := range s.names {
		if !isName(name) {
			return nil, refuse("fields", "%.64q: a name is a small letter and then up to 63 small letters, digits and _", name)
		}
		if err := checkPath(spec.Fields[name]); err != nil {
			return nil, refuse("fields."+name, "%v", err)
		}
	}
	if spec.Template != "" {
		var err error
		if s.template, err = parse(spec.Template, s.paths); err != nil {
			return nil, refuse("template", "%v", err)
		}
	}
	return s, nil
}

// isName leaves no room for the names of the gateway's own placeholders, which
// have a dot.
func isName(name string) bool {
	if name == "" || len(name) > maxName || name == fencePlaceholder || name[0] < 'a' {
		return false
	}
	for i := range len(name) {
		if c := name[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return true
}

// whole is the path of the whole payload.
const whole = "@this"

// checkPath allows the paths that look something up, and none that transforms
// the payload or writes JSON of its own.
func checkPath(path string) error {
	switch {
	case path == whole:
		return nil
	case path == "":
		return errors.New("a path is needed")
	case len(path) > maxPath:
		return fmt.Errorf("at most %d bytes are allowed", maxPath)
	case strings.HasPrefix(path, ".."):
		return errors.New("a path begins with a name")
	}
	before := byte('.')
	for i := range len(path) {
		if c := path[i]; strings.IndexByte(".|(", before) >= 0 && strings.IndexByte("@!{[", c) >= 0 {
			return fmt.Errorf("%q has a meaning here that is not allowed; write \\%c for the character itself", c, c)
		}
		before = path[i]
	}
	return nil
}

// Apply returns the event as the trigger is to receive it; the event itself is
// not changed. The same event always gives the same bytes, so that attempts of
// one event are alike.
func (s *Shape) Apply(event *trigger.Event) (*trigger.Event, error) {
	if s == nil {
		return event, nil
	}
	values := make(map[string]gjson.Result)
	if len(s.names) > 0 {
		payload, err := document.Check(event.Body)
		if err != nil {
			return nil, err
		}
		for _, name := range s.names {
			values[name] = pick(payload, s.paths[name])
		}
	}
	shaped := *event
	shaped.Header = maps.Clone(event.Header)
	if shaped.Header == nil {
		shaped.Header = make(http.Header)
	}
	if s.template != nil {
		shaped.Header["Content-Type"] = []string{"text/plain; charset=utf-8"}
		shaped.Body = s.template.render(event, values, s.maxBytes)
	} else {
		shaped.Header["Content-Type"] = []string{"application/json"}
		shaped.Body = s.object(values)
	}
	return &shaped, nil
}

func pick(payload []byte, path string) gjson.Result {
	if path == whole {
		return gjson.ParseBytes(payload)
	}
	return gjson.GetBytes(payload, path)
}

// object writes the fields as a JSON object. A value that is cut becomes a
// string.
func (s *Shape) object(values map[string]gjson.Result) []byte {
	texts, lengths := make([]string, len(s.names)), make([]int, len(s.names))
	for i, name := range s.names {
		texts[i] = text(values[name])
		lengths[i] = len(texts[i])
	}
	most := level(lengths, s.maxBytes)
	var out bytes.Buffer
	out.WriteByte('{')
	for i, name := range s.names {
		if i > 0 {
			out.WriteByte(',')
		}
		writeString(&out, name)
		out.WriteByte(':')
		switch value := values[name]; {
		case value.Type == gjson.Null: // or none
			out.WriteString("null")
		case value.Type == gjson.String || lengths[i] > most:
			writeString(&out, cut(texts[i], most))
		default:
			out.WriteString(texts[i])
		}
	}
	out.WriteByte('}')
	return out.Bytes()
}

func writeString(out *bytes.Buffer, value string) {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(value)   // a string can be written
	out.Truncate(out.Len() - 1) // the line's end
}

// text is a string itself, nothing for null, and the JSON of anything else.
func text(value gjson.Result) string {
	switch value.Type {
	case gjson.String:
		return strings.ToValidUTF8(value.Str, "\uFFFD")
	case gjson.Null:
		return ""
	}
	return strings.ToValidUTF8(strings.TrimSpace(value.Raw), "\uFFFD")
}

// level returns how long a value may be so that all of them together take no
// more than most: short ones stay whole, long ones share what is left.
func level(lengths []int, most int) int {
	sorted := slices.Sorted(slices.Values(lengths))
	for i, length := range sorted {
		share := most / (len(sorted) - i)
		if length > share {
			return share
		}
		most -= length
	}
	return math.MaxInt
}

// cut shortens a text to so many bytes and says so.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	end := most
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return fmt.Sprintf("%s… [cut: %d of %d bytes]", text[:end], end, len(text))
}
