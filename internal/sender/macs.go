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

// macs computes MACs under one key, and encodes them. Reusing a keyed hash is
// cheaper than creating one.
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

// begin returns an empty MAC; end returns it for reuse.
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

// sum appends the MAC of the texts followed by a body.
func (m *macs) sum(to, body []byte, texts ...string) []byte {
	one := m.begin()
	for _, text := range texts {
		one.writeText(text)
	}
	one.Write(body)
	return m.end(one, to)
}

// text returns the encoded MAC of the texts followed by a body.
func (m *macs) text(body []byte, texts ...string) string {
	return string(m.encoding.append(nil, m.sum(nil, body, texts...)))
}

// compare returns 1 if the MAC that was sent is right, and 0 otherwise, in
// constant time.
func (m *macs) compare(sent string, body []byte, texts ...string) int {
	var sum [sha512.Size]byte
	var written, other [maxDigestText]byte
	if len(sent) > len(other) {
		return 0
	}
	n := copy(other[:], sent)
	return subtle.ConstantTimeCompare(other[:n], m.encoding.append(written[:0], m.sum(sum[:0], body, texts...)))
}

// mac is a keyed hash with room for its input and output, which would otherwise
// be allocated each time.
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
