package sender

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"hash"
	"sync"

	"github.com/hookgate/hookgate/module/provider"
)

// macs makes MACs under one key, and writes them. A hash that was keyed once is
// cheaper to use again than to make.
type macs struct {
	pool     sync.Pool
	encoding encoding
}

func newMACs(algorithm func() hash.Hash, written provider.Encoding, key []byte) *macs {
	return &macs{sync.Pool{New: func() any { return &mac{Hash: hmac.New(algorithm, key)} }}, encoding(written)}
}

// sha256MACs prepares secrets whose text is the key.
func sha256MACs(secrets []string, written provider.Encoding) []*macs {
	prepared := make([]*macs, len(secrets))
	for i, secret := range secrets {
		prepared[i] = newMACs(sha256.New, written, []byte(secret))
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

// text returns the MAC of the texts and a body after them, as it is written.
func (m *macs) text(body []byte, texts ...string) string {
	return string(m.encoding.append(nil, m.sum(nil, body, texts...)))
}

// compare says by 1 that what was sent is that MAC, and else by 0. It takes as long
// wherever the two differ.
func (m *macs) compare(sent string, body []byte, texts ...string) int {
	var sum [sha512.Size]byte
	var written, other [maxDigestText]byte
	if len(sent) > len(other) {
		return 0
	}
	n := copy(other[:], sent)
	return subtle.ConstantTimeCompare(other[:n], m.encoding.append(written[:0], m.sum(sum[:0], body, texts...)))
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
