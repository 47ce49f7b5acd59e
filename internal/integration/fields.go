package integration

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// fields reads one JSON object of a form by the names of its fields. What is
// wrong goes to faults, which all objects of a form share, so that a reader
// asks once at its end.
type fields struct {
	path   string
	left   map[string]any // what nobody has asked for yet
	asked  []string
	faults *faults

	// absent says that there is no such object, or something else in its place:
	// what it has not is not missing.
	absent bool
}

// newFields begins to read a document.
func newFields(document any) *fields {
	f := &fields{faults: new(faults)}
	return f.member("", document)
}

// at is the path of a field of this object.
func (f *fields) at(name string) string {
	if f.path == "" || name == "" {
		return f.path + name
	}
	return f.path + "." + name
}

// refuse notes what is wrong with a field.
func (f *fields) refuse(name string, code Code, format string, args ...any) {
	if !f.absent {
		f.faults.add(f.at(name), code, fmt.Sprintf(format, args...))
	}
}

// sound says whether nothing is wrong with a field so far.
func (f *fields) sound(name string) bool { return f.faults.sound(f.at(name)) }

// legible says whether a field is of the right type, and this object.
func (f *fields) legible(name string) bool { return f.faults.legible(f.at(name)) }

// show returns a value of this object for a message.
func (f *fields) show(value string) string {
	own := 0
	if strings.HasPrefix(f.path, credentials) {
		own = 1
	}
	return f.faults.private.show(value, own)
}

func (f *fields) take(name string) (value any, present bool) {
	value, present = f.left[name]
	delete(f.left, name)
	f.asked = append(f.asked, name)
	return value, present
}

// has says whether a field is there.
func (f *fields) has(name string) bool {
	f.asked = append(f.asked, name)
	_, present := f.left[name]
	return present
}

// skip takes a field without looking at it.
func (f *fields) skip(names ...string) {
	for _, name := range names {
		f.take(name)
	}
}

// end refuses the fields that nobody has asked for.
func (f *fields) end() {
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
		told := suggest(name, f.asked)
		if len(name) > maxShown {
			name = strings.ToValidUTF8(name[:maxShown], "") + "…"
		}
		f.refuse(name, codeUnknownField, "there is no such field%s", told)
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
		f.mistyped(name, "a string", value)
	}
	return text
}

// mistyped refuses a value of the wrong type. What stands in the place of a
// credential may be its secret, and is not shown.
func (f *fields) mistyped(name, needed string, value any) {
	shown := ""
	if needed == flagNeeded || !strings.HasPrefix(f.at(name), credentials) {
		switch value := value.(type) {
		case string:
			shown = f.show(value)
		case json.Number:
			shown = f.show(value.String())
		}
	}
	f.refuse(name, codeWrongType, "%s is needed, not %s%s", needed, typeOf(value), shown)
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

// flag reads a boolean; without the field it is nil.
func (f *fields) flag(name string) *bool {
	value, present := f.take(name)
	if !present {
		return nil
	}
	flag, ok := value.(bool)
	if !ok {
		f.mistyped(name, flagNeeded, value)
	}
	return &flag
}

// number reads a whole number above zero; without the field it is unset.
func (f *fields) number(name string, unset int) int {
	value, present := f.take(name)
	if !present {
		return unset
	}
	digits, ok := value.(json.Number)
	if !ok {
		f.mistyped(name, "a whole number above 0", value)
		return unset
	}
	number, err := strconv.Atoi(digits.String())
	if err != nil || number <= 0 {
		f.refuse(name, codeInvalid, "a whole number above 0 is needed%s", f.show(digits.String()))
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
		needed := "an object"
		if f.at(name) == "" {
			needed = "a JSON object"
		}
		f.mistyped(name, needed, value)
	}
	return &fields{path: f.at(name), left: maps.Clone(object), faults: f.faults, absent: !ok}
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
		f.mistyped(name, "a list of strings", value)
		return nil
	}
	texts := make([]string, len(items))
	for i, value := range items {
		if texts[i], ok = value.(string); !ok {
			f.mistyped(item(name, i), "a string", value)
		}
	}
	return texts
}

// item is the path of an item of a list.
func item(name string, i int) string { return fmt.Sprintf("%s[%d]", name, i) }
