package remotekey

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"math/big"
	"slices"
)

// The limits of an RSA key: a smaller one can be broken (RFC 7518, section
// 3.3), and a larger one takes long to verify with.
const (
	minRSABits = 2048
	maxRSABits = 8192
)

// Sound reports whether a public key verifies only what the holder of the
// private key has signed. With a weak key, anyone can sign.
func Sound(public any) bool {
	switch key := public.(type) {
	case *rsa.PublicKey:
		bits := key.N.BitLen()
		return bits >= minRSABits && bits <= maxRSABits && key.N.Bit(0) == 1 && key.E > 2 && key.E%2 == 1
	case *ecdsa.PublicKey:
		curves := []elliptic.Curve{elliptic.P256(), elliptic.P384(), elliptic.P521()}
		if !slices.Contains(curves, key.Curve) {
			return false
		}
		_, err := key.Bytes() // fails for a point that is not on the curve, or is at infinity
		return err == nil
	case ed25519.PublicKey:
		return len(key) == ed25519.PublicKeySize && soundPoint(key)
	}
	return false
}

// The curve of Ed25519 (RFC 8032, section 5.1): -x² + y² = 1 + d x² y² modulo p.
var (
	edPrime = new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(19))
	edD     = modulo(new(big.Int).Mul(big.NewInt(-121665), new(big.Int).ModInverse(big.NewInt(121666), edPrime)))
)

func modulo(n *big.Int) *big.Int { return n.Mod(n, edPrime) }

// soundPoint reports whether a key is not one of the eight points of small
// order, in any encoding, under which signatures can be made without a private
// key. A key that is not a point on the curve verifies nothing.
func soundPoint(key []byte) bool {
	encoded := slices.Clone(key)
	encoded[len(encoded)-1] &= 0x7f // the highest bit is the sign of x
	slices.Reverse(encoded)
	y := new(big.Int).SetBytes(encoded)
	if y.Cmp(edPrime) >= 0 {
		return false // a second encoding, which no honest key has
	}
	one := big.NewInt(1)
	yy := modulo(new(big.Int).Mul(y, y))
	above := modulo(new(big.Int).Sub(yy, one))
	below := modulo(new(big.Int).Add(new(big.Int).Mul(edD, yy), one)) // never 0, because d is not a square
	xx := modulo(new(big.Int).Mul(above, below.ModInverse(below, edPrime)))
	// The orders 1 and 2, then 4, then 8.
	return xx.Sign() != 0 && y.Sign() != 0 && modulo(new(big.Int).Add(xx, yy)).Sign() != 0
}
