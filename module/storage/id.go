package storage

import (
	"encoding/base32"
	"errors"
)

// crockford is the alphabet of ULIDs: it keeps the order of the bytes.
var crockford = base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").WithPadding(base32.NoPadding)

// idLength is the length of an ID as text.
const idLength = 26

var errID = errors.New("an event ID has 26 characters of Crockford's base 32")

// String returns the ID as 26 characters that sort like its bytes.
func (id ID) String() string { return crockford.EncodeToString(id[:]) }

// IsZero reports whether the ID is unset.
func (id ID) IsZero() bool { return id == ID{} }

// ParseID reads what String wrote, and only that spelling.
func ParseID(text string) (ID, error) {
	var id ID
	if len(text) != idLength {
		return ID{}, errID
	}
	if n, err := crockford.Decode(id[:], []byte(text)); err != nil || n != len(id) {
		return ID{}, errID
	}
	if id.String() != text {
		return ID{}, errID
	}
	return id, nil
}
