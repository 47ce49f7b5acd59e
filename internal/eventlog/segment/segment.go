// Package segment is the file format of the event log: a header that names the
// key, then sealed frames one after the other, then zeros.
//
// Each segment has a fresh salt and so a key of its own; the nonce of a frame is
// its sequence number, which a segment uses once. A frame is readable alone, by
// its offset, and a damaged one does not hide those behind it.
package segment

import (
	"bytes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/hookgate/hookgate/internal/seal"
)

// Start is the offset of the first frame of a segment.
const Start = 4096

const (
	magic   = "HKGTSEG1"
	version = 2
	purpose = "event log"

	// The header is there twice, so that one damaged byte does not take the
	// salt, and with it every record of the segment.
	copyAt     = Start / 2
	plainSize  = 8 + 4 + 4 + 6*8 + 16 + seal.KeyIDSize + seal.SaltSize
	headerSize = plainSize + 16 + 4 // with the GCM tag and the CRC
)

var (
	// ErrDamaged means that a header or frame is not as it was written.
	ErrDamaged = errors.New("the segment is damaged")

	// ErrKey means that the segment was sealed under another key.
	ErrKey = errors.New("the segment is sealed under another encryption key")

	// ErrEmpty means that the segment was never begun: its header is zeros.
	ErrEmpty = errors.New("the segment is empty")

	castagnoli = crc32.MakeTable(crc32.Castagnoli)
)

// Header says where a segment stands in the log.
type Header struct {
	Number uint64
	// First is the sequence number of the first frame.
	First uint64
	// PreviousEnd and PreviousLast say where the segment before ended: the
	// offset behind its last frame that counts, and that frame's number. What
	// lies behind was never acknowledged.
	PreviousEnd  int64
	PreviousLast uint64
	// Created is when the segment began by the wall clock, in milliseconds since
	// 1970, and Age by the log's own, which no change of the wall clock moves.
	Created, Age int64
	// LastID is the newest event ID before this segment.
	LastID [16]byte
	// KeyID names the key that Encode was given.
	KeyID [seal.KeyIDSize]byte
	Salt  [seal.SaltSize]byte
}

// NewHeader returns a header with a fresh salt.
func NewHeader() Header {
	var h Header
	rand.Read(h.Salt[:])
	return h
}

// AEAD returns the cipher of the segment's frames, of a header that was encoded
// or decoded with the key.
func (h *Header) AEAD(key seal.Key) cipher.AEAD {
	if sealed, ok := key.Find(h.KeyID); ok {
		key = sealed
	}
	return key.AEAD(purpose, h.Salt[:])
}

// Encode returns what stands before the first frame: the header, twice.
func (h *Header) Encode(key seal.Key) []byte {
	out := make([]byte, 0, Start)
	h.KeyID = key.ID()
	out = append(out, magic...)
	out = binary.BigEndian.AppendUint32(out, version)
	out = binary.BigEndian.AppendUint32(out, headerSize)
	out = binary.BigEndian.AppendUint64(out, h.Number)
	out = binary.BigEndian.AppendUint64(out, h.First)
	out = binary.BigEndian.AppendUint64(out, uint64(h.PreviousEnd))
	out = binary.BigEndian.AppendUint64(out, h.PreviousLast)
	out = binary.BigEndian.AppendUint64(out, uint64(h.Created))
	out = binary.BigEndian.AppendUint64(out, uint64(h.Age))
	out = append(out, h.LastID[:]...)
	out = append(out, h.KeyID[:]...)
	out = append(out, h.Salt[:]...)
	out = h.AEAD(key).Seal(out, headerNonce(), nil, out)
	out = binary.BigEndian.AppendUint32(out, crc32.Checksum(out, castagnoli))
	out = out[:Start]
	copy(out[copyAt:], out[:headerSize])
	return out
}

// DecodeHeader reads the first Start bytes of a segment.
func DecodeHeader(raw []byte, key seal.Key) (Header, error) {
	if len(raw) < Start {
		return Header{}, ErrDamaged
	}
	if len(bytes.Trim(raw[:Start], "\x00")) == 0 {
		return Header{}, ErrEmpty
	}
	h, err := decodeCopy(raw[:headerSize], key)
	if err != nil {
		// The copy decides: a damaged key ID is not another key.
		h, err = decodeCopy(raw[copyAt:copyAt+headerSize], key)
	}
	return h, err
}

// ReadHeader reads the header of a segment's file.
func ReadHeader(file io.ReaderAt, key seal.Key) (Header, error) {
	raw := make([]byte, Start)
	n, err := file.ReadAt(raw, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return Header{}, err
	}
	return DecodeHeader(raw[:n], key)
}

func decodeCopy(raw []byte, key seal.Key) (Header, error) {
	body, sum := raw[:headerSize-4], binary.BigEndian.Uint32(raw[headerSize-4:])
	if string(body[:8]) != magic || crc32.Checksum(body, castagnoli) != sum {
		return Header{}, ErrDamaged
	}
	if v := binary.BigEndian.Uint32(body[8:]); v != version {
		return Header{}, fmt.Errorf("reading a segment: version %d is unknown", v)
	}
	fields := body[16:]
	h := Header{
		Number:       binary.BigEndian.Uint64(fields),
		First:        binary.BigEndian.Uint64(fields[8:]),
		PreviousEnd:  int64(binary.BigEndian.Uint64(fields[16:])),
		PreviousLast: binary.BigEndian.Uint64(fields[24:]),
		Created:      int64(binary.BigEndian.Uint64(fields[32:])),
		Age:          int64(binary.BigEndian.Uint64(fields[40:])),
		LastID:       [16]byte(fields[48:64]),
		KeyID:        [seal.KeyIDSize]byte(fields[64:]),
		Salt:         [seal.SaltSize]byte(fields[64+seal.KeyIDSize:]),
	}
	if _, ok := key.Find(h.KeyID); !ok {
		return Header{}, ErrKey
	}
	if _, err := h.AEAD(key).Open(nil, headerNonce(), body[plainSize:], body[:plainSize]); err != nil {
		return Header{}, ErrDamaged
	}
	return h, nil
}

// headerNonce is not a frame's: sequence numbers fill the last eight bytes only.
func headerNonce() []byte { return bytes.Repeat([]byte{0xff}, 12) }
