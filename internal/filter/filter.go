// Package filter selects events by name.
package filter

import (
	"iter"
	"slices"
	"strings"

	"github.com/hookgate/hookgate/internal/syntax"
)

// ping is the one name that no pattern matches: to receive a sender's test
// requests as events, a filter must name it.
const ping = "ping"

// Filter is a compiled list of event names and patterns. It is immutable and
// safe for concurrent use. The nil Filter wants every event.
type Filter struct {
	names    []string // sorted
	patterns []syntax.Glob
}

// New compiles the entries of an event filter: names, which match exactly and
// case-sensitively, and patterns, in which `*` matches any number of
// characters, including dots. Without entries it returns nil.
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

// Names reports whether an entry is exactly this name.
func (f *Filter) Names(name string) bool {
	if f == nil {
		return false
	}
	_, found := slices.BinarySearch(f.names, name)
	return found
}

// Match reports whether an entry matches this name. Its time grows with the
// length of the name times the number of patterns, whatever the patterns are.
func (f *Filter) Match(name string) bool {
	if f == nil || f.Names(name) {
		return true
	}
	if name == ping {
		return false
	}
	return slices.ContainsFunc(f.patterns, func(pattern syntax.Glob) bool { return pattern.Match(name) })
}

// MayMatch reports whether an entry could match a name that begins with the
// prefix.
func (f *Filter) MayMatch(prefix string) bool {
	if f == nil || slices.ContainsFunc(f.names, func(name string) bool { return strings.HasPrefix(name, prefix) }) {
		return true
	}
	return slices.ContainsFunc(f.patterns, func(pattern syntax.Glob) bool {
		return strings.HasPrefix(pattern.Prefix(), prefix) || strings.HasPrefix(prefix, pattern.Prefix())
	})
}

// MatchAny reports whether an entry matches one of the names. A non-nil filter
// never matches an empty list.
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
