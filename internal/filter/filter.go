// Package filter says which events an integration wants, by their names.
package filter

import (
	"iter"
	"slices"
	"strings"

	"github.com/hookgate/hookgate/internal/syntax"
)

// ping is the one name that no pattern means: who wants a sender's test
// request as an event must name it.
const ping = "ping"

// Filter is a compiled list of event names and patterns. It is never changed,
// so many goroutines may use it. The nil Filter wants every event.
type Filter struct {
	names    []string // in order
	patterns []syntax.Glob
}

// New compiles the entries of an event filter: names, which match exactly and
// case-sensitively, and patterns, in which `*` stands for any characters, none
// and dots too. Without entries it returns nil.
func New(entries []string) *Filter {
	if len(entries) == 0 {
		return nil
	}
	f := &Filter{}
	for _, entry := range entries {
		if strings.Contains(entry, "*") {
			f.patterns = append(f.patterns, syntax.NewGlob(entry))
		} else {
			f.names = append(f.names, entry)
		}
	}
	slices.Sort(f.names)
	return f
}

// Names says whether an entry is exactly this name.
func (f *Filter) Names(name string) bool {
	if f == nil {
		return false
	}
	_, found := slices.BinarySearch(f.names, name)
	return found
}

// Match says whether an entry means this name. Its time grows with the length
// of the name times the number of patterns, whatever the patterns are.
func (f *Filter) Match(name string) bool {
	if f == nil || f.Names(name) {
		return true
	}
	if name == ping {
		return false
	}
	return slices.ContainsFunc(f.patterns, func(pattern syntax.Glob) bool { return pattern.Match(name) })
}

// MayMatch says whether an entry could mean a name that begins with the prefix.
func (f *Filter) MayMatch(prefix string) bool {
	if f == nil || slices.ContainsFunc(f.names, func(name string) bool { return strings.HasPrefix(name, prefix) }) {
		return true
	}
	return slices.ContainsFunc(f.patterns, func(pattern syntax.Glob) bool {
		return strings.HasPrefix(pattern.Prefix(), prefix) || strings.HasPrefix(prefix, pattern.Prefix())
	})
}

// MatchAny says whether an entry means one of the names. Without any name
// nothing is meant, once there is a filter.
func (f *Filter) MatchAny(names iter.Seq[string]) bool {
	if f == nil {
		return true
	}
	for name := range names {
		if f.Match(name) {
			return true
		}
	}
	return false
}
