package sender

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"strings"

	"github.com/hookgate/hookgate/internal/remotekey"
	"github.com/hookgate/hookgate/internal/syntax"
	"github.com/hookgate/hookgate/module/provider"
)

var (
	errSecretEmpty   = errors.New("a secret must not be empty")
	errSecretHeader  = errors.New("a token must be printable ASCII without surrounding blanks, because it is sent in a header")
	errSecretPair    = errors.New("a secret of this provider is user:password, with a password")
	errSecretBase64  = errors.New("a secret of this provider is base64")
	errSecretHex     = errors.New("a secret of this provider is hexadecimal")
	errSecretWhsec   = errors.New("a secret of this provider is base64, with or without whsec_ before it")
	errSecretEd25519 = errors.New("a secret of this provider is the sender's Ed25519 public key, as the sender shows it")
	errSecretECDSA   = errors.New("a secret of this provider is the sender's P-256 public key, in base64 or PEM")
	errSecretWord    = errors.New("after verify: there must be printable ASCII without surrounding blanks")
)

// wordPrefix marks a secret that is not a key, but the verify token of a
// handshake.
const wordPrefix = "verify:"

// CheckSecret returns why the text cannot be a secret of this provider: one of
// its schemes must be able to use it. The error does not repeat the text.
func (p *Provider) CheckSecret(text string) error {
	if word, ok := p.word(text); ok {
		if word == "" || !syntax.IsPrintable(word) || strings.TrimSpace(word) != word {
			return errSecretWord
		}
		return nil
	}
	var fault error
	for i := range p.schemes {
		_, err := p.schemes[i].newKey(text)
		if err == nil {
			return nil
		}
		if fault == nil {
			fault = err
		}
	}
	return fault
}

// KeySize returns the size in bytes of the key that a secret stands for, and
// false if it is not a shared key: a public key, or a verify token.
func (p *Provider) KeySize(secret string) (int, bool) {
	if _, ok := p.word(secret); ok {
		return 0, false
	}
	for i := range p.schemes {
		s := &p.schemes[i]
		if s.method.kind != byMAC && s.method.kind != byToken {
			continue
		}
		if material, err := s.material(secret); err == nil {
			return len(material), true
		}
	}
	return 0, false
}

// word returns the verify token, if the secret is one.
func (p *Provider) word(secret string) (string, bool) {
	for i := range p.handshakes {
		if p.handshakes[i].Token != nil {
			return strings.CutPrefix(secret, wordPrefix)
		}
	}
	return "", false
}

// material decodes the configured text into the key's bytes, of which there is
// at least one: with an empty key anyone could sign.
func (s *scheme) material(text string) ([]byte, error) {
	switch s.secret {
	case provider.BasicPair:
		user, password, found := strings.Cut(text, ":")
		if !found || password == "" || syntax.HasControl(user) || syntax.HasControl(password) {
			return nil, errSecretPair
		}
		return base64.StdEncoding.AppendEncode(nil, []byte(text)), nil
	case provider.Base64Secret:
		return decoded(text, errSecretBase64)
	case provider.Whsec:
		return decoded(strings.TrimPrefix(text, "whsec_"), errSecretWhsec)
	case provider.Whpk:
		return decoded(strings.TrimPrefix(text, "whpk_"), errSecretEd25519)
	case provider.HexSecret:
		key, err := hex.DecodeString(text)
		if err != nil || len(key) == 0 {
			return nil, errSecretHex
		}
		return key, nil
	}
	return []byte(text), nil
}

func decoded(text string, fault error) ([]byte, error) {
	key, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || len(key) == 0 || strings.ContainsAny(text, "\r\n") {
		return nil, fault
	}
	return key, nil
}

// publicKey reads the sender's public key.
func (s *scheme) publicKey(text string) (any, error) {
	if s.secret == provider.SPKI {
		der := []byte(nil)
		if block, _ := pem.Decode([]byte(text)); block != nil {
			der = block.Bytes
		} else if bytes, err := base64.StdEncoding.Strict().DecodeString(text); err == nil {
			der = bytes
		}
		return x509.ParsePKIXPublicKey(der)
	}
	key, err := s.material(text)
	if err != nil {
		return nil, err
	}
	return ed25519.PublicKey(key), nil
}

// ed25519Key refuses a key for which anyone can sign, such as one of zeros.
func (s *scheme) ed25519Key(text string) (ed25519.PublicKey, error) {
	parsed, err := s.publicKey(text)
	key, ok := parsed.(ed25519.PublicKey)
	if err != nil || !ok || !remotekey.Sound(key) {
		return nil, errSecretEd25519
	}
	return key, nil
}

func (s *scheme) ecdsaKey(text string) (*ecdsa.PublicKey, error) {
	parsed, err := s.publicKey(text)
	key, ok := parsed.(*ecdsa.PublicKey)
	if err != nil || !ok || key.Curve != elliptic.P256() || !remotekey.Sound(key) {
		return nil, errSecretECDSA
	}
	return key, nil
}
