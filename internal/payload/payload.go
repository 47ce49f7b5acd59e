// Package payload builds what a trigger receives from an event: values selected
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

// The limits of a Spec.
const (
	DefaultMaxBytes = 64 << 10

	maxMaxBytes = 1 << 20
	maxFields   = 32
	maxName     = 64       // bytes of a field's name
	maxTemplate = 16 << 10 // bytes
)

// Spec describes what a trigger receives.
type Spec struct {
	// Fields are the paths (the subset of GJSON's that looks something up) of
	// values, by the names that the template uses.
	Fields map[string]string `json:"fields,omitempty"`

	// Template is a text in which {name} stands for the value of a field. Without
	// it the trigger receives a JSON object of the fields.
	Template string `json:"template,omitempty"`

	// MaxBytes bounds the total size of the values in bytes; a value used twice
	// counts twice. Default: DefaultMaxBytes.
	MaxBytes int `json:"max_bytes"`
}

// Refusal is an error in a Spec.
type Refusal struct {
	Field  string // of the Spec in JSON
	Reason string
}

func (r *Refusal) Error() string { return r.Field + ": " + r.Reason }

func refuse(field, format string, args ...any) error {
	return &Refusal{field, fmt.Sprintf(format, args...)}
}

// Refusals are all errors in a Spec; there is at least one.
type Refusals []error

func (r Refusals) Error() string { return r[0].Error() }

// Unwrap returns them, each as a *Refusal.
func (r Refusals) Unwrap() []error { return r }

// Shape is a compiled Spec. It is immutable and safe for concurrent use. The
// nil Shape leaves events as they are.
type Shape struct {
	names    []string // sorted
	paths    []path   // of the names
	template template // nil for a JSON object
	maxBytes int
}

// Compile validates and compiles a Spec. An error is of type Refusals.
func Compile(spec Spec) (*Shape, error) {
	s := &Shape{names: slices.Sorted(maps.Keys(spec.Fields)), maxBytes: spec.MaxBytes}
	if s.maxBytes == 0 {
		s.maxBytes = DefaultMaxBytes
	}
	var wrong Refusals
	if s.maxBytes < 0 || s.maxBytes > maxMaxBytes {
		wrong = append(wrong, refuse("max_bytes", "must be from 1 to %d", maxMaxBytes))
	}
	switch {
	case len(s.names) > maxFields:
		wrong = append(wrong, refuse("fields", "at most %d are allowed", maxFields))
		s.names = nil
	case len(s.names) == 0 && spec.Template == "":
		wrong = append(wrong, refuse("fields", "at least one is required, or a template"))
	}
	for _, name := range s.names {
		p, err := parsePath(spec.Fields[name])
		switch {
		case !isName(name):
			wrong = append(wrong, refuse("fields", "%.64q: a name must be a lowercase letter followed by up to 63 lowercase letters, digits and _", name))
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

// isName excludes the names of the gateway's own placeholders, which contain a
// dot.
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
// not modified. The same event always gives the same bytes, so that attempts
// for one event are alike.
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

// texts returns the fields' texts by name.
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
	_ = encoder.Encode(value)   // a string can always be written
	out.Truncate(out.Len() - 1) // the encoder's line break
}
