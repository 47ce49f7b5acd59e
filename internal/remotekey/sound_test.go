package remotekey

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/hex"
	"math/big"
	"testing"
)

// The encodings of the eight points of small order, and those that are not
// canonical, without the sign of x.
var smallOrder = []string{
	"0000000000000000000000000000000000000000000000000000000000000000",
	"0100000000000000000000000000000000000000000000000000000000000000",
	"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
	"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
}

func TestSoundEd25519(t *testing.T) {
	for i, text := range smallOrder {
		key := mustDecode(text)
		for _, sign := range []byte{0, 0x80} {
			key[31] = key[31]&0x7f | sign
			if Sound(ed25519.PublicKey(key)) {
				t.Errorf("%x is sound", key)
			}
		}
		// This is what it is about: the identity and 0 are a signature of every
		// message whose hash is a multiple of the point's order.
		forged, signature := false, make([]byte, ed25519.SignatureSize)
		signature[0] = 1
		for message := range byte(64) {
			forged = forged || ed25519.Verify(mustDecode(text), []byte{message}, signature)
		}
		if i < 5 && !forged {
			t.Errorf("%s: no signature was found", text)
		}
	}
	for range 50 {
		public, _, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if !Sound(public) {
			t.Fatalf("%x is not sound", public)
		}
	}
	vector := mustDecode("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a") // RFC 8032, section 7.1
	if !Sound(ed25519.PublicKey(vector)) {
		t.Error("the key of the RFC is not sound")
	}
	over := make([]byte, 32)
	for i := range over {
		over[i] = 0xff
	}
	for low := 0xed; low <= 0xff; low++ { // 2²⁵⁵-19 and on: another spelling of 0 and on
		over[0], over[31] = byte(low), 0x7f
		if Sound(ed25519.PublicKey(over)) {
			t.Errorf("%x is sound", over)
		}
	}
	for _, size := range []int{0, 31, 33} {
		if Sound(ed25519.PublicKey(make([]byte, size))) {
			t.Errorf("%d bytes are sound", size)
		}
	}
}

func mustDecode(text string) []byte {
	key, err := hex.DecodeString(text)
	if err != nil {
		panic(err)
	}
	return key
}

func TestSoundOthers(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*rsa.PublicKey){
		"e is 1":     func(k *rsa.PublicKey) { k.E = 1 },
		"e is 0":     func(k *rsa.PublicKey) { k.E = 0 },
		"e is even":  func(k *rsa.PublicKey) { k.E = 65536 },
		"n is even":  func(k *rsa.PublicKey) { k.N = new(big.Int).Add(k.N, big.NewInt(1)) },
		"2047 bits":  func(k *rsa.PublicKey) { k.N = new(big.Int).SetBit(new(big.Int).Rsh(k.N, 1), 0, 1) },
		"9000 bits":  func(k *rsa.PublicKey) { k.N = new(big.Int).SetBit(new(big.Int).Lsh(k.N, 9000-2048), 0, 1) },
		"n is small": func(k *rsa.PublicKey) { k.N = big.NewInt(15) },
	} {
		weak := key.PublicKey
		change(&weak)
		if Sound(&weak) {
			t.Errorf("%s: it is sound", name)
		}
	}
	if !Sound(&key.PublicKey) {
		t.Error("a usual key of RSA is not sound")
	}
	for _, curve := range []elliptic.Curve{elliptic.P224(), elliptic.P256(), elliptic.P384(), elliptic.P521()} {
		key, err := ecdsa.GenerateKey(curve, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if got := Sound(&key.PublicKey); got != (curve != elliptic.P224()) {
			t.Errorf("%s: sound %v", curve.Params().Name, got)
		}
		for _, point := range []ecdsa.PublicKey{{Curve: curve, X: new(big.Int), Y: new(big.Int)}, {Curve: curve, X: big.NewInt(1), Y: big.NewInt(1)}} {
			if Sound(&point) {
				t.Errorf("%s: what is no point is sound", curve.Params().Name)
			}
		}
	}
	if Sound([]byte("secret")) || Sound(nil) {
		t.Error("what is no public key is sound")
	}
}
