package integration

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// Refusal is the reason why the form of an integration is not accepted, for
// the person who wrote it to read.
type Refusal struct {
	// Field is the path of the field, such as
	// authentication.signature.secrets[1]; "" for the form as a whole.
	Field  string
	Reason string
}

func (r *Refusal) Error() string {
	if r.Field == "" {
		return r.Reason
	}
	return r.Field + ": " + r.Reason
}

// fields reads one JSON object of a form by the names of its fields. The
// first thing wrong is kept in fault, which all objects of a form share, so
// that a reader asks once at its end.
type fields struct {
	path  string
	left  map[string]any // what nobody has asked for yet
	fault **Refusal
}

// newFields begins to read a document.
func newFields(document any) *fields {
	f := &fields{fault: new(*Refusal)}
	object, ok := document.(map[string]any)
	if !ok {
		f.refuse("", "a JSON object is needed")
	}
	f.left = maps.Clone(object)
	return f
}

// at is the path of a field of this object.
func (f *fields) at(name string) string {
	if f.path == "" || name == "" {
		return f.path + name
	}
	return f.path + "." + name
}

// refuse notes what is wrong with a field, unless something was before.
func (f *fields) refuse(name, format string, args ...any) {
	f.refusePath(f.at(name), format, args...)
}

func (f *fields) refusePath(path, format string, args ...any) {
	if *f.fault == nil {
		*f.fault = &Refusal{Field: path, Reason: fmt.Sprintf(format, args...)}
	}
}

func (f *fields) take(name string) (value any, present bool) {
	value, present = f.left[name]
	delete(f.left, name)
	return value, present
}

// skip takes a field without looking at it.
func (f *fields) skip(names ...string) {
	for _, name := range names {
		f.take(name)
	}
}

// end refuses the fields that nobody has asked for.
func (f *fields) end() {
	for _, name := range slices.Sorted(maps.Keys(f.left)) {
		if len(name) > 64 {
			name = name[:64] + "…"
		}
		f.refuse(name, "there is no such field")
	}
}

// text reads a string; without the field it is unset.
func (f *fields) text(name, unset string) string {
	value, present := f.take(name)
	if !present {
		return unset
	}
	text, ok := value.(string)
	if !ok {
		f.refuse(name, "a string is needed")
	}
	return text
}

// flag reads a boolean; without the field it is nil.
func (f *fields) flag(name string) *bool {
	value, present := f.take(name)
	if !present {
		return nil
	}
	flag, ok := value.(bool)
	if !ok {
		f.refuse(name, "true or false is needed")
	}
	return &flag
}

// number reads a whole number above zero; without the field it is unset.
func (f *fields) number(name string, unset int) int {
	value, present := f.take(name)
	if !present {
		return unset
	}
	digits, _ := value.(json.Number)
	number, err := strconv.Atoi(digits.String())
	if err != nil || number <= 0 {
		f.refuse(name, "a whole number above 0 is needed")
	}
	return number
}

// mapping reads an object of strings, nil without any.
func (f *fields) mapping(name string) map[string]string {
	object := f.object(name)
	if object == nil || len(object.left) == 0 {
		return nil
	}
	texts := make(map[string]string)
	for _, key := range slices.Sorted(maps.Keys(object.left)) {
		texts[key] = object.text(key, "")
	}
	return texts
}

// object reads an object; without the field, and for null, it is nil.
func (f *fields) object(name string) *fields {
	value, _ := f.take(name)
	if value == nil {
		return nil
	}
	return f.member(name, value)
}

// member reads a value that was taken as an object.
func (f *fields) member(name string, value any) *fields {
	object, ok := value.(map[string]any)
	if !ok {
		f.refuse(name, "an object is needed")
	}
	return &fields{path: f.at(name), left: maps.Clone(object), fault: f.fault}
}

// list reads a list of strings.
func (f *fields) list(name string) []string {
	value, present := f.take(name)
	if !present {
		return nil
	}
	return f.texts(name, value)
}

// texts reads a value that was taken as a list of strings.
func (f *fields) texts(name string, value any) []string {
	items, ok := value.([]any)
	if !ok {
		f.refuse(name, "a list of strings is needed")
		return nil
	}
	texts := make([]string, len(items))
	for i, value := range items {
		if texts[i], ok = value.(string); !ok {
			f.refuse(item(name, i), "a string is needed")
		}
	}
	return texts
}

// item is the path of an item of a list.
func item(name string, i int) string { return fmt.Sprintf("%s[%d]", name, i) }
