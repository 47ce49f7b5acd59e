package jsondoc

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

// said returns the decoded text of a quoted string: part of the text itself if
// nothing is escaped. Invalid Unicode becomes U+FFFD: each byte that is not
// UTF-8, and each half of a surrogate pair without the other.
func said(raw []byte) []byte {
	text := raw[1 : len(raw)-1]
	if bytes.IndexByte(text, '\\') < 0 && utf8.Valid(text) {
		return text[:len(text):len(text)]
	}
	decoded := make([]byte, 0, len(text))
	for piece := range (Value{raw}).Pieces() {
		decoded = append(decoded, piece...)
	}
	return decoded
}

// escape decodes an escape, and returns where it ends.
func escape(text []byte, at int) (rune, int) {
	switch c := text[at+1]; c {
	case 'b':
		return '\b', at + 2
	case 'f':
		return '\f', at + 2
	case 'n':
		return '\n', at + 2
	case 'r':
		return '\r', at + 2
	case 't':
		return '\t', at + 2
	case 'u':
		r := unit(text[at+2:])
		at += 6
		if utf16.IsSurrogate(r) {
			if at+6 <= len(text) && text[at] == '\\' && text[at+1] == 'u' {
				if pair := utf16.DecodeRune(r, unit(text[at+2:])); pair != utf8.RuneError {
					return pair, at + 6
				}
			}
			return utf8.RuneError, at
		}
		return r, at
	default:
		return rune(c), at + 2
	}
}

// unit returns the value of four hexadecimal digits.
func unit(digits []byte) rune {
	var r rune
	for _, c := range digits[:4] {
		if c > '9' {
			c = c&^0x20 - 'A' + '9' + 1
		}
		r = r<<4 | rune(c-'0')
	}
	return r
}
