package sender

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"net/http"

	"github.com/hookgate/hookgate/internal/jsondoc"
	"github.com/hookgate/hookgate/module/provider"
)

func (c *Claim) checkToken() Reason {
	value, ok := c.scheme.cutPrefix(c.header[c.scheme.header][0])
	if !ok || value == "" {
		return Malformed
	}
	if !c.line.tokens.Match(value) {
		return Mismatch
	}
	return ""
}

// Verify checks the claim against the raw body.
func (c *Claim) Verify(body []byte) Reason { return c.verify(jsondoc.New(body)) }

func (c *Claim) verify(content *jsondoc.Document) Reason {
	if c.scheme == nil {
		return Missing
	}
	body := content.Payload()
	if c.scheme.signsURL {
		if reason := c.checkURL(); reason != "" {
			return reason
		}
	}
	if c.scheme.signsPayload {
		var ok bool
		if c.payload, ok = c.readPayload(body); !ok {
			return Malformed
		}
	}
	var matches bool
	switch c.scheme.method.kind {
	case byToken:
		return "" // already compared by Precheck
	case byCode:
		switch code := c.line.code.(type) {
		case nil:
			return Mismatch
		case reading:
			return code.verifyBody(c.request(body), content)
		default:
			return code.Verify(c.request(body))
		}
	case byMAC:
		matches = c.verifyMAC(body)
	default:
		matches = c.verifyPublic(body)
	}
	if !matches {
		return Mismatch
	}
	if clock := c.scheme.clock; clock != nil && clock.json != "" {
		return clock.check(clock.find(content), c.now)
	}
	return ""
}

// request returns what code may see of the claim.
func (c *Claim) request(body []byte) *provider.Request {
	r := &provider.Request{Method: http.MethodPost, URL: c.URL, Header: c.header, Body: body, Now: c.now}
	if c.scheme.clock != nil {
		r.Tolerance = int(c.scheme.clock.tolerance)
	}
	return r
}

// readPayload returns the JSON: the form field if the body is a form, otherwise
// the body.
func (c *Claim) readPayload(body []byte) ([]byte, bool) {
	if IsForm(c.header) {
		return FormValue(body, c.scheme.formField)
	}
	return body, true
}

// verifyMAC compares each signature with that of each secret, as text: a MAC
// has only one spelling.
func (c *Claim) verifyMAC(body []byte) bool {
	var sum [sha512.Size]byte
	var text, sent [maxDigestText]byte
	match := 0
	for _, k := range c.line.keys {
		expected := c.scheme.encoding.append(text[:0], k.sum(sum[:0], c, body))
		for s := c.signatures(); s.next(); {
			n := copy(sent[:], s.text)
			match |= subtle.ConstantTimeCompare(sent[:n], expected)
		}
	}
	return match == 1
}

// maxPublicSignatures bounds how many signatures of one request are checked
// with a public key: each check reads the whole message.
const maxPublicSignatures = 4

// verifyPublic checks signatures with public keys. Nothing about them is
// secret, so it stops at the first valid one.
func (c *Claim) verifyPublic(body []byte) bool {
	message := c.message(body)
	digest := sha256.Sum256(message)
	s := c.signatures()
	for n := 0; n < maxPublicSignatures && s.next(); n++ {
		signature, ok := c.scheme.encoding.decode(s.text)
		if !ok {
			continue
		}
		for _, k := range c.line.keys {
			if k.ed25519 != nil && ed25519.Verify(k.ed25519, message, signature) ||
				k.ecdsa != nil && ecdsa.VerifyASN1(k.ecdsa, digest[:], signature) {
				return true
			}
		}
	}
	return false
}
