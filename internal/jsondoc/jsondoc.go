// Package jsondoc is the one reader of JSON that strangers send. What it has passed
// can be read in one way only: whoever looks for something in it finds the same.
package jsondoc

import (
	"bytes"
	"errors"
)

// MaxDepth is how deep arrays and objects may nest. Senders' payloads need
// about ten.
const MaxDepth = 256

// What stands against a payload.
var (
	ErrInvalid   = errors.New("the payload is not JSON")
	ErrDepth     = errors.New("the payload nests too deep")
	ErrDuplicate = errors.New("an object of the payload has two members of one name")
	ErrNames     = errors.New("the payload has objects with too many members")
)

// Unreadable says whether an error is one of a payload that cannot be read.
func Unreadable(err error) bool {
	return errors.Is(err, ErrInvalid) || errors.Is(err, ErrDepth) || errors.Is(err, ErrDuplicate) || errors.Is(err, ErrNames)
}

// byteOrderMark may stand before JSON, although it should not (RFC 8259).
var byteOrderMark = []byte("\xef\xbb\xbf")

// Check returns the JSON value that the payload is (RFC 8259), without a byte order
// mark. It costs one pass over the payload. Strings may hold bytes that are not UTF-8,
// which say U+FFFD; of two members of one name readers differ over which one counts
// (RFC 8259, 4), so there may be none (RFC 7493, 2.3).
func Check(payload []byte) ([]byte, error) {
	payload = bytes.TrimPrefix(payload, byteOrderMark)
	if err := check(payload); err != nil {
		return nil, err
	}
	return payload, nil
}
