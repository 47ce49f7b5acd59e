package provider

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"hash"
	"sync"
)

// maxDigestText holds any digest in any of the encodings.
const maxDigestText = 2 * sha256.Size

// key is one secret, ready for use. A MAC that was keyed once is cheaper to
// use again than to make, so they are kept.
type key struct {
	digest [sha256.Size]byte // of a token
	macs   sync.Pool         // of hash.Hash
}

func newKey(a algorithm, material []byte) *key {
	k := &key{}
	switch a {
	case token:
		k.digest = sha256.Sum256(material)
	case hmacSHA1:
		k.macs.New = func() any { return hmac.New(sha1.New, material) }
	case hmacSHA256:
		k.macs.New = func() any { return hmac.New(sha256.New, material) }
	}
	return k
}

// sum appends the MAC of what the claim signs.
func (k *key) sum(to []byte, c *Claim, body []byte) []byte {
	mac := k.macs.Get().(hash.Hash)
	defer k.macs.Put(mac)
	mac.Reset()
	for _, piece := range c.scheme.signed {
		switch {
		case piece.text != "":
			mac.Write([]byte(piece.text))
		case piece.header != "":
			mac.Write([]byte(c.header[piece.header][0]))
		default:
			mac.Write(body)
		}
	}
	return mac.Sum(to)
}

// size is the length of the MAC in bytes.
func (a algorithm) size() int {
	if a == hmacSHA1 {
		return sha1.Size
	}
	return sha256.Size
}

func (e encoding) length(n int) int {
	if e == base64Std {
		return base64.StdEncoding.EncodedLen(n)
	}
	return hex.EncodedLen(n)
}

func (e encoding) append(to, sum []byte) []byte {
	if e == base64Std {
		return base64.StdEncoding.AppendEncode(to, sum)
	}
	return hex.AppendEncode(to, sum)
}
