// Package seal encrypts and authenticates what Hookgate stores on disk:
// AES-256-GCM (NIST SP 800-38D) with keys derived from the operator's key by
// HKDF-SHA-256 (RFC 5869).
//
// Random nonces under one key run out after 2³² messages, so no two uses share
// a derived key: each has its own salt.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
)

// SaltSize is the size in bytes of the salt of a derived key.
const SaltSize = 24

// KeyIDSize is the size in bytes of a key's ID in a record.
const KeyIDSize = 8

// ErrOpen means that a sealed record is damaged, or was sealed with another key
// or for another place.
var ErrOpen = errors.New("the record is damaged or sealed under another key")

// Key is the operator's key, with those that it has replaced: it seals, and
// they still open what they sealed. Formatting it reveals nothing.
type Key struct {
	material [32]byte
	id       [KeyIDSize]byte
	replaced *Key
}

// Format hides the key from formatted output, whatever the verb.
func (Key) Format(state fmt.State, _ rune) { fmt.Fprint(state, "[key]") }

// NewKey generates a key.
func NewKey() Key {
	var material [32]byte
	rand.Read(material[:]) // never fails, according to crypto/rand
	return newKey(material)
}

func newKey(material [32]byte) Key {
	key := Key{material: material}
	key.id = [KeyIDSize]byte(key.derive(nil, "hookgate key id", KeyIDSize))
	return key
}

// MaxKeys bounds how many keys ParseKey accepts.
const MaxKeys = 16

// ParseKey parses keys separated by blanks or line breaks, each 32 bytes in
// standard base64: the key, then those that it has replaced.
func ParseKey(text string) (Key, error) {
	words := strings.Fields(text)
	if len(words) > MaxKeys {
		return Key{}, fmt.Errorf("there are %d encryption keys; at most %d are allowed", len(words), MaxKeys)
	}
	var keys Key
	for _, word := range slices.Backward(words) {
		raw, err := base64.StdEncoding.Strict().DecodeString(word)
		if err != nil || len(raw) != len(keys.material) {
			return Key{}, errInvalidKey
		}
		key := newKey([32]byte(raw))
		if _, twice := keys.Find(key.id); twice {
			return Key{}, errors.New("an encryption key is repeated")
		}
		keys = key.Replacing(keys)
	}
	if keys == (Key{}) {
		return Key{}, errInvalidKey
	}
	return keys, nil
}

var errInvalidKey = errors.New("an encryption key must be 32 bytes in base64")

// Replacing returns the key as the successor of another one and those that it
// has replaced. What k itself has replaced is omitted.
func (k Key) Replacing(old Key) Key {
	k.replaced = nil
	if old != (Key{}) {
		k.replaced = &old
	}
	return k
}

// All yields the key, then those that it has replaced, one by one.
func (k Key) All() iter.Seq[Key] {
	return func(yield func(Key) bool) {
		for next := &k; next != nil; next = next.replaced {
			if !yield(next.Replacing(Key{})) {
				return
			}
		}
	}
}

// Find returns the key with the ID.
func (k Key) Find(id [KeyIDSize]byte) (Key, bool) {
	for key := range k.All() {
		if key.id == id {
			return key, true
		}
	}
	return Key{}, false
}

// Text returns the key, without those that it has replaced, as ParseKey reads
// it.
func (k Key) Text() string { return base64.StdEncoding.EncodeToString(k.material[:]) }

// ID identifies the key without revealing it.
func (k Key) ID() [KeyIDSize]byte { return k.id }

// IDs identifies the key and those that it has replaced, in hex.
func (k Key) IDs() (ids []string) {
	for key := range k.All() {
		ids = append(ids, hex.EncodeToString(key.id[:]))
	}
	return ids
}

// AEAD returns AES-256-GCM with a key derived for one purpose and salt. The
// caller must not repeat a nonce.
func (k Key) AEAD(purpose string, salt []byte) cipher.AEAD {
	block, err := aes.NewCipher(k.derive(salt, purpose, 32))
	if err != nil {
		panic(fmt.Sprintf("seal: AES with a 32-byte key: %v", err)) // impossible
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(fmt.Sprintf("seal: GCM over AES: %v", err)) // impossible
	}
	return aead
}

// Stream returns the cipher of what AEAD has sealed with the same key, from an
// offset in the text on. It authenticates nothing: it is for reading again, in
// parts, what AEAD has opened before.
func (k Key) Stream(purpose string, salt []byte, nonce [12]byte, offset int64) cipher.Stream {
	block, err := aes.NewCipher(k.derive(salt, purpose, 32))
	if err != nil {
		panic(fmt.Sprintf("seal: AES with a 32-byte key: %v", err)) // impossible
	}
	var counter [aes.BlockSize]byte
	copy(counter[:], nonce[:])
	// The first counter is the tag's (NIST SP 800-38D, 7.1).
	binary.BigEndian.PutUint32(counter[len(nonce):], uint32(2+offset/aes.BlockSize))
	stream := cipher.NewCTR(block, counter[:])
	var skipped [aes.BlockSize]byte
	part := skipped[:offset%aes.BlockSize]
	stream.XORKeyStream(part, part)
	return stream
}

// Overhead is how many bytes Seal adds.
const Overhead = KeyIDSize + SaltSize + 16

// Seal returns key ID, salt and ciphertext of one record. It can be opened only
// with the same purpose and place (the associated data).
func (k Key) Seal(purpose string, place, plain []byte) []byte {
	sealed := make([]byte, KeyIDSize+SaltSize, Overhead+len(plain))
	copy(sealed, k.id[:])
	salt := sealed[KeyIDSize:]
	rand.Read(salt)
	// The derived key is used only once, so a constant nonce is unique.
	return k.AEAD(purpose, salt).Seal(sealed, make([]byte, 12), plain, place)
}

// SealedBy returns the ID of the key that sealed a record, or the zero ID,
// which no key has, if it is too short.
func SealedBy(sealed []byte) (id [KeyIDSize]byte) {
	if len(sealed) >= Overhead {
		copy(id[:], sealed)
	}
	return id
}

// Open undoes a Seal of the key or of one that it has replaced, or returns
// ErrOpen.
func (k Key) Open(purpose string, place, sealed []byte) ([]byte, error) {
	key, ok := k.Find(SealedBy(sealed))
	if !ok {
		return nil, ErrOpen
	}
	salt, text := sealed[KeyIDSize:KeyIDSize+SaltSize], sealed[KeyIDSize+SaltSize:]
	plain, err := key.AEAD(purpose, salt).Open(nil, make([]byte, 12), text, place)
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
