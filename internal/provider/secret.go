package provider

import (
	"encoding/base64"
	"errors"
	"strings"
)

// secretFormat is how a configured secret is written.
type secretFormat int

const (
	plainText  secretFormat = iota // the text's bytes are the key
	headerText                     // the text is sent in a header
	whsec                          // base64, with or without `whsec_` before it
)

var (
	errSecretEmpty  = errors.New("a secret must not be empty")
	errSecretHeader = errors.New("a token must be printable ASCII without blanks around it, for it is sent in a header")
	errSecretWhsec  = errors.New("a secret of this provider is base64, with or without whsec_ before it")
)

// CheckSecret says why the text cannot be a secret of this provider. The
// error does not repeat it.
func (p *Provider) CheckSecret(text string) error {
	for i := range p.schemes {
		if _, err := p.schemes[i].secret.key(text); err != nil {
			return err
		}
	}
	return nil
}

// key turns the configured text into the key's bytes, of which there is at
// least one: with an empty key anyone could sign.
func (f secretFormat) key(text string) ([]byte, error) {
	if text == "" {
		return nil, errSecretEmpty
	}
	switch f {
	case headerText:
		if !Printable(text) || strings.TrimSpace(text) != text {
			return nil, errSecretHeader
		}
	case whsec:
		key, err := base64.StdEncoding.Strict().DecodeString(strings.TrimPrefix(text, "whsec_"))
		if err != nil || len(key) == 0 {
			return nil, errSecretWhsec
		}
		return key, nil
	}
	return []byte(text), nil
}

// Printable says whether the text is printable ASCII; blanks are.
func Printable(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return false
		}
	}
	return true
}
