package jsondoc

import (
	"iter"
	"unicode/utf8"
)

// replacement stands for invalid Unicode.
var replacement = []byte("\uFFFD")

// Pieces yields the decoded text of a string, or any other value as it is
// written, piece by piece, so that reading a long text needs no memory. Invalid
// Unicode becomes U+FFFD.
func (v Value) Pieces() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		text, escapes := v.json, v.IsString()
		if escapes {
			text = text[1 : len(text)-1]
		}
		var room [utf8.UTFMax]byte
		for at := 0; at < len(text); {
			end := plainUntil(text, at, escapes)
			if end > at && !yield(text[at:end]) {
				return
			}
			if at = end; at == len(text) {
				return
			}
			piece := replacement
			if escapes && text[at] == '\\' {
				var r rune
				r, at = escape(text, at)
				piece = utf8.AppendRune(room[:0], r)
			} else {
				at++
			}
			if !yield(piece) {
				return
			}
		}
	}
}

// plainUntil returns the position of the next invalid Unicode or, if escapes is
// set, escape.
func plainUntil(text []byte, at int, escapes bool) int {
	for at < len(text) {
		switch c := text[at]; {
		case c == '\\' && escapes:
			return at
		case c < utf8.RuneSelf:
			at++
		default:
			r, size := utf8.DecodeRune(text[at:])
			if r == utf8.RuneError && size == 1 {
				return at
			}
			at += size
		}
	}
	return at
}
