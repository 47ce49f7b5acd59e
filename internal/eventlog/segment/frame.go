package segment

import (
	"crypto/cipher"
	"encoding/binary"
	"hash/crc32"

	"github.com/hookgate/hookgate/internal/seal"
)

const (
	frameMagic = 0x9e48_4b46 // no text, no zeros
	frameSize  = 32
	tagSize    = 16
	alignment  = 8
)

// Overhead is the most that a frame takes beside its payload.
const Overhead = frameSize + tagSize + alignment

// Frame is one sealed record.
type Frame struct {
	Kind byte
	// Sequence numbers the frames of a log from 1.
	Sequence uint64
	// Synced is the last frame that was durable when this one was written:
	// it tells a frame that was lost from one that was never finished.
	Synced uint64
	// Offset and Length place the frame in its segment.
	Offset int64
	Length int64
	// Payload is the open record.
	Payload []byte
}

// Begin appends the room for a frame's head; the payload is appended next, and
// Seal, with the length that buf had before, makes both a frame.
func Begin(buf []byte) []byte {
	return append(buf, make([]byte, frameSize)...)
}

// Seal encrypts in place the payload that stands in buf behind the head at
// start, and completes the frame.
func Seal(aead cipher.AEAD, buf []byte, start int, kind byte, sequence, synced uint64) []byte {
	payload := start + frameSize
	head := buf[start:payload:payload]
	binary.BigEndian.PutUint32(head, frameMagic)
	binary.BigEndian.PutUint32(head[4:], uint32(len(buf)-payload+tagSize))
	binary.BigEndian.PutUint64(head[8:], sequence)
	binary.BigEndian.PutUint64(head[16:], synced)
	head[24], head[25], head[26], head[27] = kind, 0, 0, 0
	binary.BigEndian.PutUint32(head[28:], crc32.Checksum(head[:28], castagnoli))

	nonce := frameNonce(sequence)
	buf = aead.Seal(buf[:payload], nonce[:], buf[payload:], head)
	for (len(buf)-start)%alignment != 0 {
		buf = append(buf, 0)
	}
	return buf
}

// Open decrypts, in place, the frame that raw begins with.
func Open(aead cipher.AEAD, raw []byte) (Frame, error) {
	frame, length, ok := parseHead(raw)
	if !ok || int64(len(raw)) < frameSize+length {
		return Frame{}, ErrDamaged
	}
	nonce := frameNonce(frame.Sequence)
	text := raw[frameSize : frameSize+length]
	payload, err := aead.Open(text[:0], nonce[:], text, raw[:frameSize])
	if err != nil {
		return Frame{}, ErrDamaged
	}
	frame.Payload = payload
	return frame, nil
}

// Text returns where in its segment a byte of the frame's payload stands, and the
// cipher that decrypts from there on. It authenticates nothing: Open has to come
// first, and what is read afterwards to be held against what that gave.
func (h *Header) Text(key seal.Key, frame Frame, offset int64) (at int64, stream cipher.Stream) {
	if sealed, ok := key.Find(h.KeyID); ok {
		key = sealed
	}
	return frame.Offset + frameSize + offset, key.Stream(purpose, h.Salt[:], frameNonce(frame.Sequence), offset)
}

// parseHead reads a frame's head and the length of its ciphertext.
func parseHead(raw []byte) (frame Frame, length int64, ok bool) {
	if len(raw) < frameSize || binary.BigEndian.Uint32(raw) != frameMagic {
		return Frame{}, 0, false
	}
	if crc32.Checksum(raw[:28], castagnoli) != binary.BigEndian.Uint32(raw[28:]) {
		return Frame{}, 0, false
	}
	length = int64(binary.BigEndian.Uint32(raw[4:]))
	if length < tagSize {
		return Frame{}, 0, false
	}
	frame = Frame{
		Kind:     raw[24],
		Sequence: binary.BigEndian.Uint64(raw[8:]),
		Synced:   binary.BigEndian.Uint64(raw[16:]),
		Length:   aligned(frameSize + length),
	}
	return frame, length, true
}

func aligned(n int64) int64 { return (n + alignment - 1) &^ (alignment - 1) }

func frameNonce(sequence uint64) (nonce [12]byte) {
	binary.BigEndian.PutUint64(nonce[4:], sequence)
	return nonce
}
