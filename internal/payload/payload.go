// Package payload makes what a trigger receives out of an event: values picked
// from its payload by path, as a JSON object or in a text, bounded in size.
package payload

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"unicode/utf8"

	"github.com/hookgate/hookgate/internal/jsondoc"
	"github.com/hookgate/hookgate/module/trigger"
)

// The bounds of a Spec.
const (
	DefaultMaxBytes = 64 << 10

	maxMaxBytes = 1 << 20
	maxFields   = 32
	maxName     = 64       // bytes of a field's name
	maxTemplate = 16 << 10 // bytes
)

// Spec is what a trigger is to receive.
type Spec struct {
	// Fields are the paths (those of GJSON that look something up) of values by
	// the names under which they are used.
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

// Refusals is all that is wrong with a Spec, at least one thing.
type Refusals []error

func (r Refusals) Error() string { return r[0].Error() }

// Unwrap returns each as a *Refusal.
func (r Refusals) Unwrap() []error { return r }

// Shape is a compiled Spec. It is never changed, so many goroutines may use it.
// The nil Shape leaves events as they are.
type Shape struct {
	names    []string // in order
	paths    []path   // of the names
	template template // nil for a JSON object
	maxBytes int
}

// Compile checks a Spec and prepares it. An error is Refusals.
func Compile(spec Spec) (*Shape, error) {
	s := &Shape{names: slices.Sorted(maps.Keys(spec.Fields)), maxBytes: spec.MaxBytes}
	if s.maxBytes == 0 {
		s.maxBytes = DefaultMaxBytes
	}
	var wrong Refusals
	if s.maxBytes < 0 || s.maxBytes > maxMaxBytes {
		wrong = append(wrong, refuse("max_bytes", "a number from 1 to %d is needed", maxMaxBytes))
	}
	switch {
	case len(s.names) > maxFields:
		wrong = append(wrong, refuse("fields", "at most %d are allowed", maxFields))
		s.names = nil
	case len(s.names) == 0 && spec.Template == "":
		wrong = append(wrong, refuse("fields", "at least one is needed, or a template"))
	}
	for _, name := range s.names {
		p, err := parsePath(spec.Fields[name])
		switch {
		case !isName(name):
			wrong = append(wrong, refuse("fields", "%.64q: a name is a small letter and then up to 63 small letters, digits and _", name))
		case err != nil:
			wrong = append(wrong, refuse("fields."+name, "%v", err))
		}
		s.paths = append(s.paths, p)
	}
	var err error
	if s.template, err = compileTemplate(spec); err != nil {
		wrong = append(wrong, err)
	}
	if len(wrong) > 0 {
		return nil, wrong
	}
	return s, nil
}

func compileTemplate(spec Spec) (template, error) {
	switch {
	case spec.Template == "":
		return nil, nil
	case len(spec.Template) > maxTemplate:
		return nil, refuse("template", "at most %d bytes are allowed", maxTemplate)
	case !utf8.ValidString(spec.Template):
		return nil, refuse("template", "it must be valid Unicode")
	}
	t, err := parse(spec.Template, spec.Fields)
	if err != nil {
		return nil, refuse("template", "%v", err)
	}
	return t, nil
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

// Apply returns the event as the trigger is to receive it; the event itself is
// not changed. The same event always gives the same bytes, so that attempts of
// one event are alike.
func (s *Shape) Apply(event *trigger.Event) (*trigger.Event, error) {
	if s == nil {
		return event, nil
	}
	var values []jsondoc.Value
	if len(s.names) > 0 {
		payload := jsondoc.New(event.Body)
		err := payload.Err()
		if err == nil {
			values, err = pick(payload.Value(), s.paths)
		}
		if err != nil {
			return nil, err
		}
	}
	shaped := *event
	shaped.Header = maps.Clone(event.Header)
	if shaped.Header == nil {
		shaped.Header = make(http.Header)
	}
	if s.template != nil {
		shaped.Header["Content-Type"] = []string{"text/plain; charset=utf-8"}
		shaped.Body = s.template.render(event, s.texts(values), s.maxBytes)
	} else {
		shaped.Header["Content-Type"] = []string{"application/json"}
		shaped.Body = s.object(values)
	}
	return &shaped, nil
}

// texts are those of the fields by their names.
func (s *Shape) texts(values []jsondoc.Value) map[string]text {
	texts := make(map[string]text, len(values))
	for i, name := range s.names {
		texts[name] = textOf(values[i])
	}
	return texts
}

// object writes the fields as a JSON object. A value that is cut becomes a
// string.
func (s *Shape) object(values []jsondoc.Value) []byte {
	texts, lengths := make([]text, len(values)), make([]int, len(values))
	for i := range values {
		texts[i] = textOf(values[i])
		lengths[i] = texts[i].length
	}
	most := level(lengths, s.maxBytes)
	var out bytes.Buffer
	out.WriteByte('{')
	for i, value := range values {
		if i > 0 {
			out.WriteByte(',')
		}
		writeString(&out, s.names[i])
		out.WriteByte(':')
		switch {
		case value.IsNull() || !value.Exists():
			out.WriteString("null")
		case value.IsString() || lengths[i] > most:
			writeString(&out, texts[i].cut(most))
		default:
			out.WriteString(texts[i].cut(most))
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
