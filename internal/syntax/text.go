package syntax

import "strings"

// IsPrintable reports whether the text is printable ASCII, including blanks.
func IsPrintable(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return false
		}
	}
	return true
}

// HasControl reports whether the text has a control character of ASCII.
func HasControl(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f })
}
