// Package document says whether a payload is JSON into which one may look. What
// it has passed can be handed to code that trusts its input.
package document

import (
	"bytes"
	"errors"
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

// Check returns the JSON value that the payload is (RFC 8259), without a byte order
// mark. It costs one pass over the payload and no memory. Strings may hold bytes
// that are not UTF-8.
func Check(payload []byte) ([]byte, error) {
	payload = bytes.TrimPrefix(payload, byteOrderMark)
	if err := check(payload); err != nil {
		return nil, err
	}
	return payload, nil
}
