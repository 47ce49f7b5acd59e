package syntax

import "strings"

// Part is a piece of a template: literal text or, with a Name, a placeholder.
type Part struct{ Text, Name string }

// Template takes text with placeholders apart: `{name}`, where isName accepts the
// name. `\{` and `\}` are literal braces, and so is every brace around anything else.
// No two literals are neighbours, and none is empty.
func Template(text string, isName func(string) bool) []Part {
	var parts []Part
	literal := ""
	for {
		at := strings.IndexAny(text, `\{`)
		if at < 0 {
			break
		}
		literal, text = literal+text[:at], text[at:]
		if strings.HasPrefix(text, `\{`) || strings.HasPrefix(text, `\}`) {
			literal, text = literal+text[1:2], text[2:]
			continue
		}
		name, rest, found := strings.Cut(text[1:], "}")
		if text[0] != '{' || !found || !isName(name) {
			literal, text = literal+text[:1], text[1:]
			continue
		}
		if literal != "" {
			parts = append(parts, Part{Text: literal})
		}
		parts = append(parts, Part{Name: name})
		literal, text = "", rest
	}
	if literal += text; literal != "" {
		parts = append(parts, Part{Text: literal})
	}
	return parts
}
