package provider

import (
	"crypto/hmac"
	"crypto/sha256"
	"hash"
	"sync"
)

// macs makes MACs under one key. A hash that was keyed once is cheaper to use
// again than to make.
type macs struct{ pool sync.Pool }

func newMACs(algorithm func() hash.Hash, key []byte) *macs {
	return &macs{sync.Pool{New: func() any { return hmac.New(algorithm, key) }}}
}

// sha256MACs prepares secrets whose text is the key.
func sha256MACs(secrets []string) []*macs {
	prepared := make([]*macs, len(secrets))
	for i, secret := range secrets {
		prepared[i] = newMACs(sha256.New, []byte(secret))
	}
	return prepared
}

// sum returns the MAC of the pieces.
func (m *macs) sum(pieces ...[]byte) []byte {
	mac := m.pool.Get().(hash.Hash)
	defer m.pool.Put(mac)
	mac.Reset()
	for _, piece := range pieces {
		mac.Write(piece)
	}
	return mac.Sum(make([]byte, 0, sha256.Size))
}
