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
	return &macs{sync.Pool{New: func() any { return &mac{Hash: hmac.New(algorithm, key)} }}}
}

// sha256MACs prepares secrets whose text is the key.
func sha256MACs(secrets []string) []*macs {
	prepared := make([]*macs, len(secrets))
	for i, secret := range secrets {
		prepared[i] = newMACs(sha256.New, []byte(secret))
	}
	return prepared
}

// begin returns a MAC of nothing yet; end gives it back.
func (m *macs) begin() *mac {
	one := m.pool.Get().(*mac)
	one.Reset()
	return one
}

// end appends the MAC of what was written.
func (m *macs) end(one *mac, to []byte) []byte {
	one.room = one.Sum(one.room[:0])
	to = append(to, one.room...)
	if cap(one.room) <= maxRoom {
		m.pool.Put(one)
	}
	return to
}

// sum appends the MAC of the texts and a body after them.
func (m *macs) sum(to, body []byte, texts ...string) []byte {
	one := m.begin()
	for _, text := range texts {
		one.writeText(text)
	}
	one.Write(body)
	return m.end(one, to)
}

// mac is a keyed hash with room for what goes in and out, which would else need
// memory each time.
type mac struct {
	hash.Hash
	room []byte
}

// maxRoom bounds the room that is kept, in bytes.
const maxRoom = 4 << 10

func (m *mac) writeText(text string) {
	m.room = append(m.room[:0], text...)
	m.Write(m.room)
}
