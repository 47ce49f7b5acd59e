// Package stray finds characters that slip into the ends of a secret on its way
// from one program to another: people do not see them, and the secret no longer
// verifies.
package stray

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	byteOrderMark = '\ufeff'

	// quotes are used by shells and word processors.
	quotes = "\"'`“”„‟‘’‚‛«»‹›"
)

// End says what stands at an end of the text that cannot be meant, such as "ends
// with a line break"; "" when nothing does.
func End(text string) string {
	if strings.HasPrefix(text, "\xff\xfe") || strings.HasPrefix(text, "\xfe\xff") {
		return "begins with a byte order mark" // of UTF-16
	}
	first, _ := utf8.DecodeRuneInString(text)
	last, _ := utf8.DecodeLastRuneInString(text)
	if name := nameOf(first); name != "" && text != "" {
		return "begins with " + name
	}
	if name := nameOf(last); name != "" && text != "" {
		return "ends with " + name
	}
	return ""
}

func nameOf(r rune) string {
	switch {
	case r == byteOrderMark:
		return "a byte order mark"
	case r == '\n', r == '\r', r == '\u0085', r == '\u2028', r == '\u2029':
		return "a line break"
	case unicode.IsSpace(r):
		return "a blank"
	case strings.ContainsRune(quotes, r):
		return "a quote"
	case unicode.IsControl(r):
		return "a control character"
	case unicode.Is(unicode.Cf, r):
		return "an invisible character"
	}
	return ""
}

// TrimBreak takes one line break off the end, as editors and shells put it there.
func TrimBreak(text string) string {
	if line, ok := strings.CutSuffix(text, "\n"); ok {
		return strings.TrimSuffix(line, "\r")
	}
	return text
}

// TrimPEM does so for a public key in PEM (RFC 7468), which ends with one, and
// leaves any other text alone.
func TrimPEM(text string) string {
	if strings.HasPrefix(text, "-----BEGIN PUBLIC KEY-----") {
		return TrimBreak(text)
	}
	return text
}
