// Package form reads the JSON documents that people write: field by field,
// collecting all that is wrong with them and where.
package form

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Fields reads one JSON object by the names of its fields. Faults go to a list
// that all objects of a document share, so that a reader asks once at its end.
type Fields struct {
	path   string
	left   map[string]any // what nobody has asked for yet
	asked  []string
	faults *faults

	// absent means that there is no such object, or something else in its place:
	// nothing is missing in it then.
	absent bool
}

// Options is what a reader knows of a document beforehand.
type Options struct {
	// Private names the member that holds secrets, "" for none. No value of a
	// wrong type is shown in it, and none anywhere that occurs in it too.
	Private string

	// Cleared lists the fields that a merge patch has set to null, by the path of
	// their object: one that does not exist is a fault all the same.
	Cleared map[string][]string
}

// New begins to read a document.
func New(document any, options Options) *Fields {
	f := &Fields{faults: &faults{cleared: options.Cleared, privatePath: options.Private}}
	o := f.Member("", document)
	if options.Private != "" {
		f.faults.private = make(private)
		f.faults.private.note(o.left[options.Private])
	}
	return o
}

// Err returns a Refusal with all that is wrong, or nil.
func (f *Fields) Err() error { return f.faults.err() }

// Absent reports whether there is no object to read.
func (f *Fields) Absent() bool { return f.absent }

// Members returns what has not been asked for, by name.
func (f *Fields) Members() map[string]any { return f.left }

// At is the path of a field of this object.
func (f *Fields) At(name string) string {
	if f.path == "" || name == "" {
		return f.path + name
	}
	return f.path + "." + name
}

// Refuse notes what is wrong with a field.
func (f *Fields) Refuse(name string, code Code, format string, args ...any) {
	if !f.absent {
		f.faults.add(f.At(name), code, fmt.Sprintf(format, args...))
	}
}

// Sound reports whether nothing is wrong with a field so far.
func (f *Fields) Sound(name string) bool { return f.faults.sound(f.At(name)) }

// Legible reports whether a field and this object have the right type.
func (f *Fields) Legible(name string) bool { return f.faults.legible(f.At(name)) }

// Show returns a value of this object for a message.
func (f *Fields) Show(value string) string {
	own := 0
	if f.faults.isPrivate(f.path) {
		own = 1
	}
	return f.faults.private.show(value, own)
}

// Take returns the value of a field as it was decoded.
func (f *Fields) Take(name string) (value any, present bool) {
	value, present = f.left[name]
	delete(f.left, name)
	f.asked = append(f.asked, name)
	return value, present
}

// Has reports whether a field is there.
func (f *Fields) Has(name string) bool {
	f.asked = append(f.asked, name)
	_, present := f.left[name]
	return present
}

// HasFault reports whether something is wrong with a field so far.
func (f *Fields) HasFault(name string) bool { return !f.Sound(name) }

// IsNull reports whether a field is null or not there.
func (f *Fields) IsNull(name string) bool { return f.left[name] == nil }

// Skip takes a field without looking at it.
func (f *Fields) Skip(names ...string) {
	for _, name := range names {
		f.Take(name)
	}
}

// End refuses the fields that nobody has asked for.
func (f *Fields) End() {
	unknown := slices.Sorted(maps.Keys(f.left))
	for _, name := range f.faults.cleared[f.path] {
		if !slices.Contains(f.asked, name) {
			unknown = append(unknown, name)
		}
	}
	for _, name := range unknown {
		if f.faults.full() {
			return
		}
		told := Suggest(name, f.asked)
		if len(name) > maxShown {
			name = strings.ToValidUTF8(name[:maxShown], "") + "…"
		}
		f.Refuse(name, UnknownField, "unknown field%s", told)
	}
}

// Text reads a string; without the field it is unset.
func (f *Fields) Text(name, unset string) string {
	value, present := f.Take(name)
	if !present {
		return unset
	}
	text, ok := value.(string)
	if !ok {
		f.Mistyped(name, "a string", value)
	}
	return text
}

// Mistyped refuses a value of the wrong type. What stands in the place of a
// credential may be its secret, and is not shown.
func (f *Fields) Mistyped(name, needed string, value any) {
	shown := ""
	if needed == flagNeeded || !f.faults.isPrivate(f.At(name)) {
		switch value := value.(type) {
		case string:
			shown = f.Show(value)
		case json.Number:
			shown = f.Show(value.String())
		}
	}
	f.Refuse(name, WrongType, "must be %s, not %s%s", needed, typeOf(value), shown)
}

const flagNeeded = "true or false"

// typeOf names the type of a JSON value, and those values that are no texts.
func typeOf(value any) string {
	switch value := value.(type) {
	case nil:
		return "null"
	case bool:
		return strconv.FormatBool(value)
	case json.Number:
		return "a number"
	case string:
		return "a string"
	case []any:
		return "a list"
	}
	return "an object"
}

// Flag reads a boolean; without the field it is nil.
func (f *Fields) Flag(name string) *bool {
	value, present := f.Take(name)
	if !present {
		return nil
	}
	flag, ok := value.(bool)
	if !ok {
		f.Mistyped(name, flagNeeded, value)
	}
	return &flag
}

// Number reads a whole number above zero; without the field it is unset.
func (f *Fields) Number(name string, unset int) int {
	value, present := f.Take(name)
	if !present {
		return unset
	}
	digits, ok := value.(json.Number)
	if !ok {
		f.Mistyped(name, "a whole number above 0", value)
		return unset
	}
	number, err := strconv.Atoi(digits.String())
	if err != nil || number <= 0 {
		f.Refuse(name, Invalid, "must be a whole number above 0%s", f.Show(digits.String()))
	}
	return number
}

// Mapping reads an object of strings, nil without any.
func (f *Fields) Mapping(name string) map[string]string {
	object := f.Object(name)
	if object == nil || len(object.left) == 0 {
		return nil
	}
	texts := make(map[string]string)
	for _, key := range slices.Sorted(maps.Keys(object.left)) {
		texts[key] = object.Text(key, "")
	}
	return texts
}

// Object reads an object; without the field, and for null, it is nil.
func (f *Fields) Object(name string) *Fields {
	value, _ := f.Take(name)
	if value == nil {
		return nil
	}
	return f.Member(name, value)
}

// ObjectOrEmpty is Object, with an object without fields where there is none.
func (f *Fields) ObjectOrEmpty(name string) *Fields {
	if o := f.Object(name); o != nil {
		return o
	}
	return &Fields{path: f.At(name), faults: f.faults}
}

// Member reads a value that was taken as an object.
func (f *Fields) Member(name string, value any) *Fields {
	object, ok := value.(map[string]any)
	if !ok {
		needed := "an object"
		if f.At(name) == "" {
			needed = "a JSON object"
		}
		f.Mistyped(name, needed, value)
	}
	return &Fields{path: f.At(name), left: maps.Clone(object), faults: f.faults, absent: !ok}
}

// List reads a list of strings.
func (f *Fields) List(name string) []string {
	value, present := f.Take(name)
	if !present {
		return nil
	}
	return f.Texts(name, value)
}

// Texts reads a value that was taken as a list of strings.
func (f *Fields) Texts(name string, value any) []string {
	items, ok := value.([]any)
	if !ok {
		f.Mistyped(name, "a list of strings", value)
		return nil
	}
	texts := make([]string, len(items))
	for i, value := range items {
		if texts[i], ok = value.(string); !ok {
			f.Mistyped(Item(name, i), "a string", value)
		}
	}
	return texts
}

// Item is the path of an item of a list.
func Item(name string, i int) string { return fmt.Sprintf("%s[%d]", name, i) }
