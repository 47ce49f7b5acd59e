package credential

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/hookgate/hookgate/internal/form"
	"github.com/hookgate/hookgate/internal/wire"
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

// SaltSize is the size in bytes of a secret's salt.
const SaltSize = 32

// NewSecret returns the secret with a fresh salt.
func NewSecret(value string) Secret {
	salt := make([]byte, SaltSize)
	rand.Read(salt) // never fails, says crypto/rand
	return Secret{value: value, salt: string(salt)}
}

// Salted returns the same secret with another salt.
func (s Secret) Salted(salt string) Secret { return Secret{value: s.value, salt: salt} }

// Reveal returns the secret's text, for a comparison or a MAC.
func (s Secret) Reveal() string { return s.value }

// Equal compares the texts of two secrets in constant time.
func (s Secret) Equal(other Secret) bool { return s.Is(other.value) }

// Is compares the secret with a text in constant time.
func (s Secret) Is(text string) bool {
	return subtle.ConstantTimeCompare([]byte(s.value), []byte(text)) == 1
}

// Size is how many bytes the secret holds.
func (s Secret) Size() int { return len(s.value) + len(s.salt) }

// Masked is what a reader sees of the secret: a mask with its fingerprint.
func (s Secret) Masked() string { return mask + s.Fingerprint() }

// Fingerprint changes whenever the secret is set again. It is keyed by the secret's own
// salt, so that it cannot be used to compare two secrets.
func (s Secret) Fingerprint() string {
	mac := hmac.New(sha256.New, []byte(s.salt))
	mac.Write([]byte(s.value))
	return hex.EncodeToString(mac.Sum(nil)[:4])
}

// isMask reports whether the text stands for a secret that is already stored.
func isMask(text string) bool { return strings.HasPrefix(text, mask) }

// Format hides the secret from formatted output, whatever the verb.
func (Secret) Format(state fmt.State, _ rune) { fmt.Fprint(state, mask) }

// MarshalText hides the secret from encoders.
func (Secret) MarshalText() ([]byte, error) { return []byte(mask), nil }

// AppendSecret appends a secret in the clear: it is for what is encrypted as a
// whole.
func AppendSecret(raw []byte, s Secret) []byte { return wire.AppendStrings(raw, s.value, s.salt) }

// ReadSecret reads what AppendSecret has appended.
func ReadSecret(r *wire.StringDecoder) Secret { return Secret{value: r.String(), salt: r.String()} }

func appendSecrets(raw []byte, secrets []Secret) []byte {
	raw = wire.AppendUint(raw, uint64(len(secrets)))
	for _, secret := range secrets {
		raw = AppendSecret(raw, secret)
	}
	return raw
}

func readSecrets(r *wire.StringDecoder) []Secret { return wire.TakeList(r, ReadSecret) }

func reveal(secrets []Secret) []string {
	texts := make([]string, len(secrets))
	for i, secret := range secrets {
		texts[i] = secret.value
	}
	return texts
}

func masked(secrets []Secret) []string {
	texts := make([]string, len(secrets))
	for i, secret := range secrets {
		texts[i] = secret.Masked()
	}
	return texts
}

// mapList applies change to a list of secrets.
func mapList(field string, secrets []Secret, change func(field string, secret Secret) Secret) []Secret {
	changed := make([]Secret, len(secrets))
	for i, secret := range secrets {
		changed[i] = change(form.Item(field, i), secret)
	}
	return changed
}
