package provider

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"strings"

	public "github.com/hookgate/hookgate/module/provider"
)

// netlify checks a JSON web signature (RFC 7515) that holds the body's digest.
// It is HS256 with secrets of any length, shorter ones than RFC 7518 wants too.
type netlify struct {
	keys []*macs
}

const (
	netlifyHeader = "X-Webhook-Signature"
	// maxNetlify bounds the signature, in bytes.
	maxNetlify = 4096
)

// netlifyClaims are what is signed.
type netlifyClaims struct {
	Issuer string `json:"iss"`
	SHA256 string `json:"sha256"`
}

func newNetlify(secrets []string) (public.Verifier, error) { return netlify{sha256MACs(secrets)}, nil }

func (n netlify) Verify(r *public.Request) Reason {
	text := r.Header.Get(netlifyHeader)
	parts := strings.Split(text, ".")
	if len(text) > maxNetlify || len(parts) != 3 {
		return Malformed
	}
	var header struct {
		Algorithm string          `json:"alg"`
		Critical  json.RawMessage `json:"crit"`
	}
	var claims netlifyClaims
	if !unpack(parts[0], &header) || header.Algorithm != "HS256" || header.Critical != nil || !unpack(parts[1], &claims) {
		return Malformed
	}
	match := 0
	for _, key := range n.keys {
		match |= hmacEqual([]byte(parts[2]), netlifySign(key, parts[0]+"."+parts[1]))
	}
	if match != 1 || claims.Issuer != "netlify" || !hmac.Equal([]byte(claims.SHA256), []byte(netlifyDigest(r.Body))) {
		return Mismatch
	}
	return ""
}

// unpack reads JSON out of base64.
func unpack(text string, into any) bool {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	return err == nil && json.Unmarshal(raw, into) == nil
}

func netlifySign(key *macs, content string) []byte {
	return base64.RawURLEncoding.AppendEncode(nil, key.sum([]byte(content)))
}

func netlifyDigest(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

// signNetlify signs a test event.
func signNetlify(secret string, r *public.Request) error {
	claims, err := json.Marshal(netlifyClaims{"netlify", netlifyDigest(r.Body)})
	if err != nil {
		return err
	}
	encode := base64.RawURLEncoding.EncodeToString
	content := encode([]byte(`{"alg":"HS256"}`)) + "." + encode(claims)
	r.Header.Set(netlifyHeader, content+"."+string(netlifySign(newMACs(sha256.New, []byte(secret)), content)))
	return nil
}
