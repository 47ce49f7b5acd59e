package sender

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strings"

	"github.com/hookgate/hookgate/internal/jsondoc"
	"github.com/hookgate/hookgate/module/provider"
)

// netlify checks a JSON Web Signature (RFC 7515) that contains the body's
// digest. It is HS256 with secrets of any length, including shorter ones than
// RFC 7518 requires.
type netlify struct {
	keys []*macs
}

const (
	netlifyHeader = "X-Webhook-Signature"
	// maxNetlify bounds the signature, in bytes.
	maxNetlify = 4096
)

func newNetlify(secrets []string) (provider.Verifier, error) {
	return netlify{sha256MACs(secrets, provider.Base64URL)}, nil
}

func (n netlify) Verify(r *provider.Request) Reason {
	text := r.Header.Get(netlifyHeader)
	last := max(0, strings.LastIndexByte(text, '.'))
	content, signature := text[:last], strings.TrimPrefix(text[last:], ".")
	head, body, two := strings.Cut(content, ".")
	var header, claims [2]jsondoc.Value
	if len(text) > maxNetlify || !two || !unpack(head, netlifyHead, header[:]) || !unpack(body, netlifyBody, claims[:]) ||
		!header[0].Is("HS256") || header[1].Exists() {
		return Malformed
	}
	match := 0
	for _, key := range n.keys {
		match |= key.compare(signature, nil, content)
	}
	if match != 1 || !claims[0].Is("netlify") || !hmac.Equal([]byte(claims[1].Text()), []byte(netlifyDigest(r.Body))) {
		return Mismatch
	}
	return ""
}

// The members read from the two signed parts.
var (
	netlifyHead = []string{"alg", "crit"}
	netlifyBody = []string{"iss", "sha256"}
)

// strictURL accepts only one spelling.
var strictURL = base64.RawURLEncoding.Strict()

// unpack finds members of base64-encoded JSON.
func unpack(text string, names []string, found []jsondoc.Value) bool {
	raw, err := strictURL.DecodeString(text)
	return err == nil && signedMembers(jsondoc.New(raw), names, found)
}

func netlifyDigest(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

// signNetlify signs a test event.
func signNetlify(secret string, r *provider.Request) error {
	encode := base64.RawURLEncoding.EncodeToString
	content := encode([]byte(`{"alg":"HS256"}`)) + "." + encode([]byte(`{"iss":"netlify","sha256":"`+netlifyDigest(r.Body)+`"}`))
	r.Header.Set(netlifyHeader, content+"."+newMACs(sha256.New, provider.Base64URL, []byte(secret)).text(nil, content))
	return nil
}
