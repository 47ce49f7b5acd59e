package integration

import (
	"crypto/ecdh"
	"crypto/hpke"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/hookgate/hookgate/internal/form"
)

// Some senders want the secret that they have brought to be typed in, too. No
// answer ever shows it, so it is sealed to a key that the admin has made for this
// one window, with HPKE (RFC 9180) in base mode.

func revealKEM() hpke.KEM   { return hpke.DHKEM(ecdh.X25519()) }
func revealKDF() hpke.KDF   { return hpke.HKDFSHA256() }
func revealAEAD() hpke.AEAD { return hpke.ChaCha20Poly1305() }

// revealInfo keeps what was sealed for one integration from passing for
// another's.
func revealInfo(webhookID string) []byte { return []byte("hookgate handshake " + webhookID) }

// Reveal seals the learned secret to the admin's key, in base64; "" without a
// secret or a key.
func (in *Integration) Reveal() (string, error) {
	h := in.Handshake
	if h == nil || h.Learned == nil || h.Reader == "" {
		return "", nil
	}
	sealed, err := sealTo(h.Reader, in.WebhookID, h.Learned.Secret.Reveal())
	if err != nil {
		return "", fmt.Errorf("sealing a learned secret: %w", err)
	}
	return base64.StdEncoding.EncodeToString(sealed), nil
}

func sealTo(reader, webhookID, text string) ([]byte, error) {
	key, err := revealKEM().NewPublicKey([]byte(reader))
	if err != nil {
		return nil, err
	}
	return hpke.Seal(key, revealKDF(), revealAEAD(), revealInfo(webhookID), []byte(text))
}

// reader reads the public key of an admin, in base64; it is "" without one.
func reader(f *form.Fields) string {
	const name = "public_key"
	key, err := base64.StdEncoding.Strict().DecodeString(f.Text(name, ""))
	if err == nil && len(key) > 0 {
		_, err = sealTo(string(key), "", "")
	}
	if err != nil {
		f.Refuse(name, form.Invalid, "must be an X25519 public key, in base64")
	}
	return string(key)
}

// RevealKey reads what Reveal has sealed.
type RevealKey struct {
	private hpke.PrivateKey
}

// NewRevealKey draws a key.
func NewRevealKey() (*RevealKey, error) {
	private, err := revealKEM().GenerateKey()
	if err != nil {
		return nil, fmt.Errorf("generating a key: %w", err)
	}
	return &RevealKey{private}, nil
}

// Public is what a window is opened with, in base64.
func (k *RevealKey) Public() string {
	return base64.StdEncoding.EncodeToString(k.private.PublicKey().Bytes())
}

// Open returns the secret.
func (k *RevealKey) Open(webhookID, sealed string) (string, error) {
	raw, err := base64.StdEncoding.Strict().DecodeString(sealed)
	if err == nil {
		raw, err = hpke.Open(k.private, revealKDF(), revealAEAD(), revealInfo(webhookID), raw)
	}
	if err != nil {
		return "", errors.New("the sealed secret cannot be read: another key has opened the window")
	}
	return string(raw), nil
}
