// Package document says whether a payload is JSON into which one may look. What
// it has passed can be handed to code that trusts its input.
package document

import (
	"bytes"
	"errors"

	"github.com/tidwall/gjson"
)

// MaxDepth is how deep arrays and objects may nest. Senders' payloads need
// about ten.
const MaxDepth = 256

// What stands against a payload.
var (
	ErrInvalid = errors.New("the payload is not JSON")
	ErrDepth   = errors.New("the payload nests too deep")
)

// byteOrderMark may stand before JSON, although it should not (RFC 8259).
var byteOrderMark = []byte("\xef\xbb\xbf")

// Check returns the JSON value that the payload is, without a byte order mark.
// It costs about a pass over the payload, two of one with many objects and
// arrays, and no memory.
func Check(payload []byte) ([]byte, error) {
	payload = bytes.TrimPrefix(payload, byteOrderMark)
	// The validator goes down by recursion, so the depth comes first.
	if brackets(payload) > MaxDepth && deeper(payload, MaxDepth) {
		return nil, ErrDepth
	}
	if !gjson.ValidBytes(payload) {
		return nil, ErrInvalid
	}
	return payload, nil
}

// brackets counts what could nest: a count costs next to nothing.
func brackets(text []byte) int {
	return bytes.Count(text, []byte{'['}) + bytes.Count(text, []byte{'{'})
}

// deeper says whether arrays and objects nest deeper than the limit. Of what is
// not JSON it looks at least at as much as a validator does before it gives up.
func deeper(text []byte, limit int) bool {
	depth, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted:
			switch c {
			case '\\':
				i++
			case '"':
				quoted = false
			}
		case c == '"':
			quoted = true
		case c == '[' || c == '{':
			if depth++; depth > limit {
				return true
			}
		case c == ']' || c == '}':
			depth--
		}
	}
	return false
}
