package integration

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// Secret is a secret value that formatted output never shows.
type Secret struct {
	value string
	// salt is drawn when the secret is set and is as confidential as the
	// secret: it is the key of its fingerprint.
	salt string
}

// mask stands for a secret; in an answer a fingerprint follows it.
const mask = "********"

// saltSize is the size in bytes of a secret's salt.
const saltSize = 32

// NewSecret returns the secret with a fresh salt.
func NewSecret(value string) Secret {
	salt := make([]byte, saltSize)
	rand.Read(salt) // never fails, says crypto/rand
	return Secret{value: value, salt: string(salt)}
}

// Reveal returns the secret's text, for a comparison or a MAC.
func (s Secret) Reveal() string { return s.value }

// Masked is what a reader sees of the secret: a mask with its fingerprint.
func (s Secret) Masked() string { return mask + s.Fingerprint() }

// Fingerprint tells whether the secret has been set anew. Since it is keyed by a
// salt of its own it compares nothing with another secret.
func (s Secret) Fingerprint() string {
	mac := hmac.New(sha256.New, []byte(s.salt))
	mac.Write([]byte(s.value))
	return hex.EncodeToString(mac.Sum(nil)[:4])
}

// isMask says whether the text stands for a secret that is already stored.
func isMask(text string) bool { return strings.HasPrefix(text, mask) }

// Format hides the secret from formatted output, whatever the verb.
func (Secret) Format(state fmt.State, _ rune) { fmt.Fprint(state, mask) }

// MarshalText hides the secret from encoders.
func (Secret) MarshalText() ([]byte, error) { return []byte(mask), nil }
