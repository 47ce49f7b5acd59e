package sender

import (
	"crypto/sha256"
	"crypto/subtle"
)

// Digests stand for secret texts in comparisons, so that the time tells nothing of
// their lengths, nor which of them matched.
type Digests []digest

type digest [sha256.Size]byte

// Add adds a text.
func (d *Digests) Add(text string) { *d = append(*d, sha256.Sum256([]byte(text))) }

// Match reports whether text is one of the texts.
func (d Digests) Match(text string) bool {
	sent, match := sha256.Sum256([]byte(text)), 0
	for i := range d {
		match |= subtle.ConstantTimeCompare(sent[:], d[i][:])
	}
	return match == 1
}
