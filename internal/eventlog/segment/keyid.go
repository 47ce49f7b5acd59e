package segment

import (
	"encoding/binary"
	"hash/crc32"

	"github.com/hookgate/hookgate/internal/seal"
)

// KeyID reads which key sealed a segment from its first Start bytes, without
// the key. A damaged header is ErrDamaged.
func KeyID(raw []byte) (id [seal.KeyIDSize]byte, err error) {
	if len(raw) < Start {
		return id, ErrDamaged
	}
	for _, at := range []int{0, copyAt} {
		body, sum := raw[at:at+headerSize-4], binary.BigEndian.Uint32(raw[at+headerSize-4:])
		if string(body[:8]) == magic && crc32.Checksum(body, castagnoli) == sum {
			copy(id[:], body[plainSize-seal.SaltSize-seal.KeyIDSize:])
			return id, nil
		}
	}
	return id, ErrDamaged
}
