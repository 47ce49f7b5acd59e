package state

import (
	"bytes"
	"encoding/binary"

	"github.com/hookgate/hookgate/module/storage"
)

// Forward returns the ID that is so many steps behind another. At the very end
// of a millisecond it goes into the next.
func Forward(id storage.ID, steps uint64) storage.ID {
	high, low := binary.BigEndian.Uint64(id[:]), binary.BigEndian.Uint64(id[8:])
	sum := low + steps
	if sum < low {
		high++
	}
	binary.BigEndian.PutUint64(id[:], high)
	binary.BigEndian.PutUint64(id[8:], sum)
	return id
}

// CompareIDs compares two IDs: the order is that of acceptance.
func CompareIDs(a, b storage.ID) int { return bytes.Compare(a[:], b[:]) }

// IDMillis is when an ID was made, by the wall clock.
func IDMillis(id storage.ID) int64 { return int64(binary.BigEndian.Uint64(id[:]) >> 16) }
