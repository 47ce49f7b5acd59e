package sender

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"strings"

	"github.com/hookgate/hookgate/internal/syntax"
	"github.com/hookgate/hookgate/module/provider"
)

// key is one secret, prepared for one scheme.
type key struct {
	token string // as it is sent
	macs  *macs

	ed25519 ed25519.PublicKey
	ecdsa   *ecdsa.PublicKey
}

func (s *scheme) newKey(text string) (*key, error) {
	if text == "" {
		return nil, errSecretEmpty
	}
	k := &key{}
	var err error
	switch s.method.kind {
	case byCode:
		_, err = s.newVerifier([]string{text})
		return k, err
	case byEd25519:
		k.ed25519, err = s.ed25519Key(text)
		return k, err
	case byECDSA:
		k.ecdsa, err = s.ecdsaKey(text)
		return k, err
	case byToken:
		if s.secret == provider.Text && (!syntax.IsPrintable(text) || strings.TrimSpace(text) != text) {
			return nil, errSecretHeader
		}
	}
	material, err := s.material(text)
	if err != nil {
		return nil, err
	}
	if s.method.kind == byToken {
		k.token = string(material)
	} else {
		k.macs = newMACs(s.method.hash, provider.Encoding(s.encoding), material)
	}
	return k, nil
}

// sum appends the MAC of what the claim signs.
func (k *key) sum(to []byte, c *Claim, body []byte) []byte {
	mac := k.macs.begin()
	for i := range c.scheme.signed {
		switch p := &c.scheme.signed[i]; p.kind {
		case provider.BodyPiece:
			mac.Write(body)
		case provider.PayloadPiece:
			mac.Write(c.payload)
		default:
			mac.writeText(c.text(p))
		}
	}
	return k.macs.end(mac, to)
}

// message returns what the claim signs, in one piece.
func (c *Claim) message(body []byte) []byte {
	var message []byte
	for i := range c.scheme.signed {
		switch p := &c.scheme.signed[i]; p.kind {
		case provider.BodyPiece:
			message = append(message, body...)
		case provider.PayloadPiece:
			message = append(message, c.payload...)
		default:
			message = append(message, c.text(p)...)
		}
	}
	return message
}

// text returns the text of a piece other than the body.
func (c *Claim) text(p *piece) string {
	switch p.kind {
	case provider.HeaderPiece:
		return c.header[p.text][0]
	case provider.PartPiece:
		value, _ := c.part(p.text)
		return value
	case provider.URLPiece:
		return c.URL
	}
	return p.text
}
