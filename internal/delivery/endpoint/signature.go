package endpoint

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"
)

// signer signs requests by Standard Webhooks 1.0: HMAC-SHA256 over the ID, the
// timestamp and the body, joined by full stops.
type signer struct {
	key []byte
}

const secretPrefix = "whsec_"

func newSigner(secret string) (*signer, error) {
	encoded, isStandard := strings.CutPrefix(secret, secretPrefix)
	if !isStandard {
		return &signer{key: []byte(secret)}, nil
	}
	key, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || len(key) == 0 {
		return nil, errors.New("the signing secret begins with whsec_, but no base64 follows")
	}
	return &signer{key: key}, nil
}

func (s *signer) sign(id, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, s.key)
	mac.Write([]byte(id + "." + timestamp + "."))
	mac.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
