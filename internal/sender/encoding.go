package sender

import (
	"encoding/base64"
	"encoding/hex"

	"github.com/hookgate/hookgate/module/provider"
)

// maxDigestText is enough for any digest in any of the encodings.
const maxDigestText = 128

// encoding is how a signature is written. A digest has only one spelling:
// otherwise one signature would have several. The methods are plain calls, so
// that no buffer escapes to the heap.
type encoding provider.Encoding

func (e encoding) length(n int) int {
	switch provider.Encoding(e) {
	case provider.Base64:
		return base64.StdEncoding.EncodedLen(n)
	case provider.Base64URL:
		return base64.RawURLEncoding.EncodedLen(n)
	}
	return hex.EncodedLen(n)
}

func (e encoding) append(to, sum []byte) []byte {
	switch provider.Encoding(e) {
	case provider.Base64:
		return base64.StdEncoding.AppendEncode(to, sum)
	case provider.Base64URL:
		return base64.RawURLEncoding.AppendEncode(to, sum)
	}
	return hex.AppendEncode(to, sum)
}

// decode refuses every spelling except the one that append produces.
func (e encoding) decode(text string) ([]byte, bool) {
	var decoded []byte
	var err error
	switch provider.Encoding(e) {
	case provider.Base64:
		decoded, err = base64.StdEncoding.DecodeString(text)
	case provider.Base64URL:
		decoded, err = base64.RawURLEncoding.DecodeString(text)
	default:
		decoded, err = hex.DecodeString(text)
	}
	return decoded, err == nil && string(e.append(nil, decoded)) == text
}
