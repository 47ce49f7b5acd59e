// Package filter says which events an integration wants, by their names.
package filter

import (
	"iter"
	"slices"
	"strings"
)

// ping is the one name that no pattern means: who wants a sender's test
// request as an event must name it.
const ping = "ping"

// Filter is a compiled list of event names and patterns. It is never changed,
// so many goroutines may use it. The nil Filter wants every event.
type Filter struct {
	names    []string // in order
	patterns []pattern
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
			f.patterns = append(f.patterns, newPattern(entry))
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
	for i := range f.patterns {
		if f.patterns[i].match(name) {
			return true
		}
	}
	return false
}

// MayMatch says whether an entry could mean a name that begins with the prefix.
func (f *Filter) MayMatch(prefix string) bool {
	if f == nil || slices.ContainsFunc(f.names, func(name string) bool { return strings.HasPrefix(name, prefix) }) {
		return true
	}
	return slices.ContainsFunc(f.patterns, func(p pattern) bool {
		return strings.HasPrefix(p.prefix, prefix) || strings.HasPrefix(prefix, p.prefix)
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

// pattern is what stands before the first star, between the stars and after
// the last one.
type pattern struct {
	prefix string
	middle []string
	suffix string
}

func newPattern(text string) pattern {
	parts := strings.Split(text, "*")
	last := len(parts) - 1
	p := pattern{prefix: parts[0], suffix: parts[last]}
	for _, part := range parts[1:last] {
		if part != "" {
			p.middle = append(p.middle, part)
		}
	}
	return p
}

// match takes each middle part where it comes first: what a later place could
// match, the first one can too, so nothing is ever tried twice.
func (p *pattern) match(name string) bool {
	rest, ok := strings.CutPrefix(name, p.prefix)
	if !ok {
		return false
	}
	if rest, ok = strings.CutSuffix(rest, p.suffix); !ok {
		return false
	}
	for _, part := range p.middle {
		at := strings.Index(rest, part)
		if at < 0 {
			return false
		}
		rest = rest[at+len(part):]
	}
	return true
}
