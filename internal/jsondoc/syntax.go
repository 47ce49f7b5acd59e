package jsondoc

import (
	"encoding/binary"
	"math/bits"
	"strings"
)

// check returns why a text is not JSON (RFC 8259) whose objects have unique
// member names.
func check(text []byte) error {
	known := borrowNames()
	defer known.giveBack()
	err := parse(text, known)
	if known.err != nil { // it fails like a text that is malformed there
		return known.err
	}
	return err
}

// parse processes the text in a loop, so that nesting takes no stack.
func parse(text []byte, known *names) error {
	var open [MaxDepth]byte // the closing brackets of the open objects and arrays
	depth, at := 0, skipBlanks(text, 0)
	for at >= 0 && at < len(text) {
		switch c := text[at]; c {
		case '{', '[':
			if depth == MaxDepth {
				return ErrDepth
			}
			open[depth] = c + 2 // the closing bracket in ASCII
			depth++
			if c == '{' {
				known.open()
			}
			if at = skipBlanks(text, at+1); at < len(text) && text[at] == c+2 {
				break // closed by the loop below
			}
			if c == '{' {
				at = known.skip(text, at)
			}
			continue
		case '"':
			at = skipString(text, at)
		default:
			at = skipWord(text, at)
		}
		// A value has ended; close everything that ends with it.
		for {
			if at = skipBlanks(text, at); depth == 0 && at == len(text) {
				return nil
			}
			if depth == 0 || at < 0 || at == len(text) {
				return ErrInvalid
			}
			if text[at] != open[depth-1] {
				break
			}
			if depth--; text[at] == '}' {
				known.close()
			}
			at++
		}
		if text[at] != ',' {
			return ErrInvalid
		}
		if at = skipBlanks(text, at+1); open[depth-1] == '}' {
			at = known.skip(text, at)
		}
	}
	return ErrInvalid
}

// The skip functions return where the thing that begins at a position ends, or
// -1 if it is missing or malformed. From -1 they return -1.

func skipBlanks(text []byte, at int) int {
	for at >= 0 && at < len(text) && (text[at] == ' ' || text[at] == '\n' || text[at] == '\r' || text[at] == '\t') {
		at++
	}
	return at
}

func skipString(text []byte, at int) int {
	for at++; ; {
		at = special(text, at)
		switch {
		case at < len(text) && text[at] == '"':
			return at + 1
		case at >= len(text)-1 || text[at] != '\\':
			return -1
		case text[at+1] == 'u':
			if at+6 > len(text) || !isHex(text[at+2:at+6]) {
				return -1
			}
			at += 6
		case strings.IndexByte(`"\/bfnrt`, text[at+1]) < 0:
			return -1
		default:
			at += 2
		}
	}
}

// special returns the position of the next quote, backslash or control
// character, or the text's length. It examines eight bytes at once: subtracting
// the character looked for makes a byte of the word borrow, and sets its
// highest bit.
func special(text []byte, at int) int {
	const each, highest = 0x0101010101010101, 0x8080808080808080
	for ; at+8 <= len(text); at += 8 {
		word := binary.LittleEndian.Uint64(text[at:])
		quote, slash := word^each*'"', word^each*'\\'
		if found := ((quote-each)&^quote | (slash-each)&^slash | (word-each*' ')&^word) & highest; found != 0 {
			return at + bits.TrailingZeros64(found)/8
		}
	}
	for ; at < len(text); at++ {
		if c := text[at]; c == '"' || c == '\\' || c < ' ' {
			break
		}
	}
	return at
}

func isHex(digits []byte) bool {
	for _, c := range digits {
		if (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'f') {
			return false
		}
	}
	return true
}

// skipWord skips a number, true, false or null.
func skipWord(text []byte, at int) int {
	for _, word := range [...]string{"true", "false", "null"} {
		if text[at] == word[0] {
			if len(text)-at < len(word) || string(text[at:at+len(word)]) != word {
				return -1
			}
			return at + len(word)
		}
	}
	return skipNumber(text, at)
}

func skipNumber(text []byte, at int) int {
	if text[at] == '-' {
		at++
	}
	if at < len(text) && text[at] == '0' {
		at++
	} else {
		at = skipDigits(text, at)
	}
	if at >= 0 && at < len(text) && text[at] == '.' {
		at = skipDigits(text, at+1)
	}
	if at >= 0 && at < len(text) && text[at]|0x20 == 'e' {
		if at++; at < len(text) && (text[at] == '+' || text[at] == '-') {
			at++
		}
		at = skipDigits(text, at)
	}
	return at
}

// skipDigits skips one or more digits.
func skipDigits(text []byte, at int) int {
	begin := at
	for at < len(text) && '0' <= text[at] && text[at] <= '9' {
		at++
	}
	if at == begin {
		return -1
	}
	return at
}
