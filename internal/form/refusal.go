package form

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/hookgate/hookgate/internal/spelling"
)

// Code tells a program what is wrong with a field.
type Code string

// The codes.
const (
	UnknownField Code = "unknown_field" // no field has this name
	WrongType    Code = "wrong_type"    // another JSON type is needed
	Required     Code = "required"      // it is missing or empty
	Invalid      Code = "invalid"       // it is not written as it should be
	NotFound     Code = "not_found"     // nothing has this name
	TooLong      Code = "too_long"
	TooMany      Code = "too_many"
	Conflict     Code = "conflict"    // something else in the form contradicts it
	NotAllowed   Code = "not_allowed" // the rules or the operator forbid it
)

// Fault is one thing that is wrong with a form, for the person who wrote it to
// read.
type Fault struct {
	// Field is the path of the field, such as
	// authentication.signature.secrets[1]; "" for the form as a whole.
	Field string `json:"field"`
	Code  Code   `json:"code"`
	// Message shows the value that is wrong, unless it might be a secret.
	Message string `json:"message"`
}

func (f Fault) String() string {
	if f.Field == "" {
		return f.Message
	}
	return f.Field + ": " + f.Message
}

// MaxFaults bounds how many faults of one form are told.
const MaxFaults = 100

// Refusal is why a form is not accepted: all that is wrong with it, and at least
// one thing. Unknown fields come first, since what is missing may be in them.
type Refusal struct {
	Faults []Fault
}

// Error tells the first fault.
func (r *Refusal) Error() string { return r.Faults[0].String() }

// faults gathers what is wrong with a form. Of one field only the first fault
// is kept: the others follow from it.
type faults struct {
	list []Fault
	at   map[string]bool

	// cleared are the fields that a patch has set to null, by the path of their
	// object: what it takes away must exist.
	cleared map[string][]string

	private     private
	privatePath string // "" for none
}

// isPrivate reports whether a path leads to what may be a secret.
func (f *faults) isPrivate(path string) bool {
	return f.privatePath != "" && strings.HasPrefix(path, f.privatePath)
}

func (f *faults) add(path string, code Code, message string) {
	if f.at[path] || f.full() {
		return
	}
	if f.at == nil {
		f.at = make(map[string]bool)
	}
	f.at[path] = true
	f.list = append(f.list, Fault{path, code, message})
}

func (f *faults) full() bool { return len(f.list) >= MaxFaults }

// sound reports whether nothing is wrong with a field, nor with what it holds, and
// whether there could be such a field where it stands.
func (f *faults) sound(path string) bool {
	return f.legible(path) && !slices.ContainsFunc(f.list, func(fault Fault) bool { return within(fault.Field, path) })
}

// legible reports whether the field, and everything that contains it, has the right type.
func (f *faults) legible(path string) bool {
	return !slices.ContainsFunc(f.list, func(fault Fault) bool { return fault.Code == WrongType && within(path, fault.Field) })
}

// within reports whether a path is the outer one, or below it.
func within(path, outer string) bool {
	rest, below := strings.CutPrefix(path, outer)
	return below && (outer == "" || rest == "" || rest[0] == '.' || rest[0] == '[')
}

// err returns the refusal, or nil when nothing is wrong.
func (f *faults) err() error {
	if len(f.list) == 0 {
		return nil
	}
	rank := func(fault Fault) int {
		if fault.Code == UnknownField {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(f.list, func(a, b Fault) int { return cmp.Compare(rank(a), rank(b)) })
	return &Refusal{f.list}
}

// private is how often each text stands among the credentials of a form. Where
// it stands a second time it may be a secret.
type private map[string]int

// maxPrivate bounds the texts that are looked at; a form that is accepted has
// fewer. With more, no value is shown.
const maxPrivate = 1000

func (p private) note(value any) {
	switch value := value.(type) {
	case string:
		if len(p) <= maxPrivate {
			p[value]++
		}
	case []any:
		for _, item := range value {
			p.note(item)
		}
	case map[string]any:
		for _, member := range value {
			p.note(member)
		}
	}
}

// maxShown is how much of a value is shown, in characters.
const maxShown = 64

// Show returns a value as messages end with it, "" for one that might be a secret.
// own is how often it stands among the credentials itself.
func (p private) show(value string, own int) string {
	if len(p) > maxPrivate || p[value] > own {
		return ""
	}
	shown := value
	if runes := []rune(value); len(runes) > maxShown {
		shown = string(runes[:maxShown])
	}
	for text := range p {
		if text != value && (len(text) > 3 && strings.Contains(shown, text) || shown != value && strings.HasPrefix(text, shown)) {
			return ""
		}
	}
	if shown != value {
		shown += "…"
	}
	return fmt.Sprintf(": %q", shown)
}

// Suggest names the one that was probably meant, "" when none is near.
func Suggest(text string, names []string) string {
	if near := spelling.Nearest(text, names); near != "" {
		return fmt.Sprintf(" (did you mean %q?)", near)
	}
	return ""
}

// Choose is Suggest with the list of all names.
func Choose(text string, list func() []string) string {
	var names []string
	if list != nil {
		names = list()
	}
	if len(names) == 0 {
		return "; none are available"
	}
	return Suggest(text, names) + "; want one of " + strings.Join(names, ", ")
}
