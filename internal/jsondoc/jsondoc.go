// Package jsondoc is the only reader of JSON from untrusted senders. Whatever
// has passed its check has a single interpretation: everyone who looks for
// something in it finds the same.
package jsondoc

import (
	"bytes"
	"errors"
)

// MaxDepth is how deep arrays and objects may nest. Senders' payloads need
// about ten.
const MaxDepth = 256

// The reasons why a payload is refused.
var (
	ErrInvalid   = errors.New("the payload is not JSON")
	ErrDepth     = errors.New("the payload nests too deep")
	ErrDuplicate = errors.New("an object of the payload has two members of the same name")
	ErrNames     = errors.New("the payload has objects with too many members")
)

// Unreadable reports whether an error is that of an unreadable payload.
func Unreadable(err error) bool {
	return errors.Is(err, ErrInvalid) || errors.Is(err, ErrDepth) || errors.Is(err, ErrDuplicate) || errors.Is(err, ErrNames)
}

// byteOrderMark may precede JSON, although it should not (RFC 8259).
var byteOrderMark = []byte("\xef\xbb\xbf")

// Check returns the payload's JSON value (RFC 8259), without a byte order mark.
// It costs one pass over the payload. Strings may contain bytes that are not
// UTF-8, which read as U+FFFD. Two members of the same name are refused (RFC
// 7493, 2.3), because readers differ over which one counts (RFC 8259, 4).
func Check(payload []byte) ([]byte, error) {
	payload = bytes.TrimPrefix(payload, byteOrderMark)
	if err := check(payload); err != nil {
		return nil, err
	}
	return payload, nil
}
