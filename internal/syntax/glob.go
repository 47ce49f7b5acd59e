package syntax

import "strings"

// Glob matches text: `*` stands for any characters or none, every other character for
// itself. It is never changed, so many goroutines may use it.
type Glob struct {
	pieces []string // what stands around the stars
}

// NewGlob takes a glob apart.
func NewGlob(text string) Glob { return Glob{strings.Split(text, "*")} }

// Match reports whether the glob matches all of the text. Nothing is tried twice: each
// piece is taken where it comes first, since what a later place could match, the first
// one can too.
func (g Glob) Match(text string) bool {
	last := len(g.pieces) - 1
	if last == 0 {
		return text == g.pieces[0]
	}
	text, ok := strings.CutPrefix(text, g.pieces[0])
	if !ok {
		return false
	}
	for _, piece := range g.pieces[1:last] {
		if _, text, ok = strings.Cut(text, piece); !ok {
			return false
		}
	}
	return strings.HasSuffix(text, g.pieces[last])
}

// Prefix returns what everything that the glob matches begins with.
func (g Glob) Prefix() string { return g.pieces[0] }
