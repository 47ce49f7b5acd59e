// Package seal encrypts and authenticates what Hookgate keeps on disk:
// AES-256-GCM (NIST SP 800-38D) under keys that are derived from one key of
// the operator's by HKDF-SHA-256 (RFC 5869).
//
// Random nonces under one key run out after 2³² messages, so no two uses
// share a derived key: each has a fresh salt of its own.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
)

// SaltSize is the size in bytes of the salt of a derived key.
const SaltSize = 24

// KeyIDSize is the size in bytes of what names a key in a record.
const KeyIDSize = 8

// ErrOpen means that a sealed record is damaged, or was sealed under another
// key or for another place.
var ErrOpen = errors.New("the record is damaged or sealed under another key")

// Key is the operator's key. It prints as nothing that helps to know it.
type Key struct {
	material [32]byte
}

// Format hides the key from formatted output, whatever the verb.
func (Key) Format(state fmt.State, _ rune) { fmt.Fprint(state, "[key]") }

// NewKey draws a key.
func NewKey() Key {
	var key Key
	rand.Read(key.material[:]) // never fails, says crypto/rand
	return key
}

// ParseKey reads 32 bytes in standard base64.
func ParseKey(text string) (Key, error) {
	raw, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || len(raw) != len(Key{}.material) {
		return Key{}, errors.New("an encryption key is 32 bytes in base64")
	}
	return Key{material: [32]byte(raw)}, nil
}

// Text is the key as ParseKey reads it.
func (k Key) Text() string { return base64.StdEncoding.EncodeToString(k.material[:]) }

// ID names the key without telling it.
func (k Key) ID() [KeyIDSize]byte {
	sum := k.derive(nil, "hookgate key id", KeyIDSize)
	return [KeyIDSize]byte(sum)
}

// AEAD returns AES-256-GCM under a key derived for one purpose and salt. The
// caller uses each nonce once.
func (k Key) AEAD(purpose string, salt []byte) cipher.AEAD {
	block, err := aes.NewCipher(k.derive(salt, purpose, 32))
	if err != nil {
		panic(fmt.Sprintf("seal: AES with a 32-byte key: %v", err)) // cannot be
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(fmt.Sprintf("seal: GCM over AES: %v", err)) // cannot be
	}
	return aead
}

// Derive returns a key of n bytes for another purpose.
func (k Key) Derive(purpose string, n int) []byte { return k.derive(nil, purpose, n) }

// Seal returns key ID, salt and ciphertext of one record. What is sealed for
// one purpose and place (the associated data) opens only there.
func (k Key) Seal(purpose string, place, plain []byte) []byte {
	id := k.ID()
	sealed := make([]byte, KeyIDSize+SaltSize, KeyIDSize+SaltSize+len(plain)+16)
	copy(sealed, id[:])
	salt := sealed[KeyIDSize:]
	rand.Read(salt)
	// The derived key is used this once, so a constant nonce is unique.
	return k.AEAD(purpose, salt).Seal(sealed, make([]byte, 12), plain, place)
}

// Open undoes Seal, or returns ErrOpen.
func (k Key) Open(purpose string, place, sealed []byte) ([]byte, error) {
	id := k.ID()
	if len(sealed) < KeyIDSize+SaltSize || !hmac.Equal(sealed[:KeyIDSize], id[:]) {
		return nil, ErrOpen
	}
	salt, text := sealed[KeyIDSize:KeyIDSize+SaltSize], sealed[KeyIDSize+SaltSize:]
	plain, err := k.AEAD(purpose, salt).Open(nil, make([]byte, 12), text, place)
	if err != nil {
		return nil, ErrOpen
	}
	return plain, nil
}

func (k Key) derive(salt []byte, purpose string, n int) []byte {
	out, err := hkdf.Key(sha256.New, k.material[:], salt, purpose, n)
	if err != nil {
		panic(fmt.Sprintf("seal: deriving %d bytes: %v", n, err)) // only beyond 8160 bytes
	}
	return out
}
