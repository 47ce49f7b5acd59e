package provider

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Reason says in one word why a credential does not count. It is for logs and
// metrics; a sender is never told.
type Reason string

// The reasons. The empty one means that nothing is wrong.
const (
	Missing   Reason = "missing"   // the request carries none
	Duplicate Reason = "duplicate" // a header of it occurs twice
	Malformed Reason = "malformed" // it is not written as the scheme says
	Stale     Reason = "stale"     // it was signed too long ago, or in the future
	Weak      Reason = "weak"      // SHA-256 is required, and this is not
	Mismatch  Reason = "mismatch"  // no secret verifies it
)

// maxSignatures bounds how many signatures of one request are looked at.
const maxSignatures = 32

// Verifier checks a provider's credential against the secrets of one
// integration. Many goroutines may use it.
type Verifier struct {
	provider *Provider
	strong   bool
	keys     [][]*key // by scheme, then by secret
}

// NewVerifier prepares the secrets, any of which verifies. With requireSHA256
// nothing weaker counts.
func (p *Provider) NewVerifier(secrets []string, requireSHA256 bool) (*Verifier, error) {
	if len(secrets) == 0 {
		return nil, errors.New("a signature needs a secret")
	}
	v := &Verifier{provider: p, strong: requireSHA256, keys: make([][]*key, len(p.schemes))}
	for i := range p.schemes {
		for n, secret := range secrets {
			material, err := p.schemes[i].secret.key(secret)
			if err != nil {
				return nil, fmt.Errorf("reading secret %d of %s: %w", n+1, p.name, err)
			}
			v.keys[i] = append(v.keys[i], newKey(p.schemes[i].algorithm, material))
		}
	}
	return v, nil
}

// Claim is a credential that the headers alone could not refuse.
type Claim struct {
	scheme *scheme
	keys   []*key
	header http.Header
	value  string
}

// Present says whether the request carries a credential at all.
func (c *Claim) Present() bool { return c.scheme != nil }

// Precheck looks at what the headers tell without the body. A request without
// the credential has a claim that is not present, and nothing wrong with it.
// A token is decided here; a signature still needs Verify.
func (v *Verifier) Precheck(header http.Header, now time.Time) (Claim, Reason) {
	for i := range v.provider.schemes {
		if len(header[v.provider.schemes[i].header]) > 1 {
			return Claim{}, Duplicate
		}
	}
	for i := range v.provider.schemes {
		s := &v.provider.schemes[i]
		if values := header[s.header]; len(values) == 1 {
			claim := Claim{scheme: s, keys: v.keys[i], header: header, value: values[0]}
			return claim, claim.precheck(now, v.strong)
		}
	}
	return Claim{}, ""
}

func (c *Claim) precheck(now time.Time, strong bool) Reason {
	switch {
	case strong && !c.scheme.algorithm.strong():
		return Weak
	case c.value == "" || !Printable(c.value):
		return Malformed
	case c.scheme.algorithm == token:
		return c.checkToken()
	}
	for _, piece := range c.scheme.signed {
		if piece.header == "" {
			continue
		}
		if reason := c.checkSigned(piece.header); reason != "" {
			return reason
		}
	}
	if reason := c.checkStamp(now); reason != "" {
		return reason
	}
	return c.checkForm()
}

// checkSigned checks a header that is signed along. It holds no dot: with one,
// a byte could move over the dot that separates it from what follows, and the
// signature would still be right.
func (c *Claim) checkSigned(name string) Reason {
	switch values := c.header[name]; {
	case len(values) == 0:
		return Malformed
	case len(values) > 1:
		return Duplicate
	case values[0] == "" || len(values[0]) > maxName || !Printable(values[0]) || strings.Contains(values[0], "."):
		return Malformed
	}
	return ""
}

// checkStamp reads a time of 1 to 12 digits, which cannot overflow.
func (c *Claim) checkStamp(now time.Time) Reason {
	if c.scheme.stamp == "" {
		return ""
	}
	values := c.header[c.scheme.stamp]
	if len(values) > 1 {
		return Duplicate
	}
	if len(values) == 0 || len(values[0]) == 0 || len(values[0]) > 12 {
		return Malformed
	}
	for _, digit := range []byte(values[0]) {
		if digit < '0' || digit > '9' {
			return Malformed
		}
	}
	seconds, err := strconv.ParseInt(values[0], 10, 64)
	if err != nil {
		return Malformed
	}
	// In seconds: as a time.Duration a far time would wrap into the window.
	away, tolerance := now.Unix()-seconds, int64(c.scheme.tolerance/time.Second)
	if away > tolerance || away < -tolerance {
		return Stale
	}
	return ""
}

// checkForm wants at least one signature that could be right.
func (c *Claim) checkForm() Reason {
	count := 0
	for range c.signatures() {
		count++
	}
	if count == 0 || count > maxSignatures {
		return Malformed
	}
	return ""
}

// signatures yields the signatures of the scheme's version and length; what
// else stands in the list is another version's.
func (c *Claim) signatures() iter.Seq[string] {
	return func(yield func(string) bool) {
		length := c.scheme.encoding.length(c.scheme.algorithm.size())
		for rest, more := c.value, true; more; {
			entry := rest
			if more = c.scheme.separator != ""; more {
				entry, rest, more = strings.Cut(rest, c.scheme.separator)
			}
			signature, ok := strings.CutPrefix(entry, c.scheme.prefix)
			if ok && len(signature) == length && !yield(signature) {
				return
			}
		}
	}
}

// checkToken compares digests, so that the time tells nothing of the lengths.
func (c *Claim) checkToken() Reason {
	sent := sha256.Sum256([]byte(c.value))
	match := 0
	for _, k := range c.keys {
		match |= subtle.ConstantTimeCompare(sent[:], k.digest[:])
	}
	if match != 1 {
		return Mismatch
	}
	return ""
}

// Verify checks the claim against the raw body. Each signature is compared
// with each secret's, as text: a MAC has one spelling only.
func (c *Claim) Verify(body []byte) Reason {
	if c.scheme == nil {
		return Missing
	}
	if c.scheme.algorithm == token {
		return "" // Precheck has compared it
	}
	var sum, text, sent [maxDigestText]byte
	match := 0
	for _, k := range c.keys {
		expected := c.scheme.encoding.append(text[:0], k.sum(sum[:0], c, body))
		for signature := range c.signatures() {
			n := copy(sent[:], signature)
			match |= subtle.ConstantTimeCompare(sent[:n], expected)
		}
	}
	if match != 1 {
		return Mismatch
	}
	return ""
}
