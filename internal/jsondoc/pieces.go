package jsondoc

import (
	"iter"
	"unicode/utf8"
)

// replacement stands for what is no Unicode.
var replacement = []byte("\uFFFD")

// Pieces yields the text that a string says, or any other value as it is written, piece
// by piece: what is read of a long text needs no memory. What is no Unicode is U+FFFD.
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

// plainUntil returns where something stands that is no Unicode or, where there may be
// such, is escaped.
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
