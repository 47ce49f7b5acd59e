package main

import (
	"strings"
	"unicode/utf8"
)

// columns is how wide a line of a document may be, except in tables and code.
const columns = 100

// wrap breaks the paragraphs and list items of a Markdown text, each of which
// is one line, into lines of at most columns characters.
func wrap(text string) string {
	var b strings.Builder
	code := false
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "```") {
			code = !code
		}
		if code || strings.HasPrefix(line, "|") || utf8.RuneCountInString(line) <= columns+1 { // with its line break
			b.WriteString(line)
			continue
		}
		indent := ""
		if strings.HasPrefix(line, "- ") {
			indent = "  "
		}
		width := 0
		for i, word := range words(line) {
			switch n := utf8.RuneCountInString(word); {
			case i == 0:
				width = n
			case width+1+n > columns:
				b.WriteString("\n" + indent)
				width = len(indent) + n
			default:
				b.WriteString(" ")
				width += 1 + n
			}
			b.WriteString(word)
		}
		b.WriteString("\n")
	}
	return b.String()
}

// words splits a line at its blanks, except those in inline code.
func words(line string) []string {
	code := false
	return strings.FieldsFunc(line, func(r rune) bool {
		if r == '`' {
			code = !code
		}
		return !code && (r == ' ' || r == '\n')
	})
}
