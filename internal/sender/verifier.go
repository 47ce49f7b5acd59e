package sender

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/hookgate/hookgate/internal/syntax"
	"github.com/hookgate/hookgate/module/provider"
)

// Reason is a one-word reason why a credential is not accepted. It is for logs
// and metrics; a sender never sees it.
type Reason = provider.Reason

// The reasons. The empty one means success.
const (
	Missing   = provider.Missing
	Duplicate = provider.Duplicate
	Malformed = provider.Malformed
	Stale     = provider.Stale
	Weak      = provider.Weak
	Mismatch  = provider.Mismatch

	Unavailable = provider.Unavailable
)

// maxSignatures bounds how many signatures of one request are checked.
const maxSignatures = 32

// Verifier checks a provider's credential against the secrets of one
// integration. It is safe for concurrent use.
type Verifier struct {
	provider *Provider
	strong   bool
	lines    []line  // by scheme
	words    Digests // of the handshake
	secrets  []string
}

// line holds the secrets prepared for one scheme.
type line struct {
	keys   []*key
	tokens Digests // in place of keys, where a token is sent
	code   provider.Verifier
}

// NewVerifier prepares the secrets, any of which verifies. With requireSHA256
// nothing weaker counts. There may be no secrets only if the sender chooses its
// own: then nothing verifies.
func (p *Provider) NewVerifier(secrets []string, requireSHA256 bool) (*Verifier, error) {
	v := &Verifier{provider: p, strong: requireSHA256, lines: make([]line, len(p.schemes))}
	for n, secret := range secrets {
		if err := p.CheckSecret(secret); err != nil {
			return nil, fmt.Errorf("reading secret %d of %s: %w", n+1, p.name, err)
		}
		if word, ok := p.word(secret); ok {
			v.words.Add(word)
		} else {
			v.secrets = append(v.secrets, secret)
		}
	}
	if len(v.secrets) == 0 && !p.Learns() {
		return nil, errors.New("a signature needs a secret")
	}
	for i := range p.schemes {
		var err error
		if v.lines[i], err = p.schemes[i].newLine(v.secrets); err != nil {
			return nil, fmt.Errorf("reading the secrets of %s: %w", p.name, err)
		}
	}
	return v, nil
}

// newLine takes the secrets that the scheme can use. Without any it verifies
// nothing.
func (s *scheme) newLine(secrets []string) (line, error) {
	var l line
	var fitting []string
	for _, secret := range secrets {
		k, err := s.newKey(secret)
		if err != nil {
			continue
		}
		fitting = append(fitting, secret)
		if s.method.kind == byToken {
			l.tokens.Add(k.token)
		} else {
			l.keys = append(l.keys, k)
		}
	}
	var err error
	if s.method.kind == byCode && len(fitting) > 0 {
		l.code, err = s.newVerifier(fitting)
	}
	return l, err
}

// Precheck checks what the headers show without the body. A request without the
// credential has a claim that is not present and has no error. A token is
// decided here; a signature still needs Verify.
func (v *Verifier) Precheck(header http.Header, now time.Time) (Claim, Reason) {
	chosen := -1
	for i := range v.provider.schemes {
		s := &v.provider.schemes[i]
		for _, name := range s.headers {
			switch values := header[name]; {
			case len(values) > 1:
				return Claim{}, Duplicate
			case len(values) == 1 && (chosen < 0 || s.prefers(&v.provider.schemes[chosen], values[0])):
				chosen = i
			}
		}
	}
	if chosen < 0 {
		chosen = slices.IndexFunc(v.provider.schemes, func(s scheme) bool { return s.inBody })
	}
	if chosen < 0 {
		return Claim{}, ""
	}
	claim := Claim{scheme: &v.provider.schemes[chosen], line: &v.lines[chosen], header: header, now: now}
	return claim, claim.precheck(v.strong)
}

// prefers reports whether a later scheme is meant rather than the chosen one:
// both have the same header, and the prefix is the later one's.
func (s *scheme) prefers(chosen *scheme, value string) bool {
	if !s.shared || s.header != chosen.header {
		return false
	}
	_, mine := s.cutPrefix(value)
	_, theirs := chosen.cutPrefix(value)
	return mine && !theirs
}

// Claim is a credential that could not be refused by the headers alone.
type Claim struct {
	// URL is the address that the sender was told to send to, with its query. It
	// must be set before Verify if SignsURL returns true.
	URL string

	// Client is the address of the client, if known. It is set before VerifyBy.
	Client string

	scheme *scheme
	line   *line
	header http.Header
	now    time.Time
	// payload is the JSON, if the scheme signs that.
	payload []byte
}

// Present reports whether the request carries a credential at all.
func (c *Claim) Present() bool { return c != nil && c.scheme != nil }

// SignsURL reports whether Verify needs the URL.
func (c *Claim) SignsURL() bool { return c.scheme != nil && c.scheme.signsURL }

func (c *Claim) precheck(strong bool) Reason {
	if strong && !c.scheme.method.strong {
		return Weak
	}
	for _, name := range c.scheme.headers {
		if values := c.header[name]; len(values) == 1 && (values[0] == "" || !syntax.IsPrintable(values[0])) {
			return Malformed
		}
	}
	switch c.scheme.method.kind {
	case byToken:
		return c.checkToken()
	case byCode:
		return ""
	}
	for i := range c.scheme.signed {
		if reason := c.checkSigned(&c.scheme.signed[i]); reason != "" {
			return reason
		}
	}
	if reason := c.checkTime(); reason != "" {
		return reason
	}
	return c.checkForm()
}

// checkSigned checks a signed header or part.
func (c *Claim) checkSigned(p *piece) Reason {
	value := ""
	switch p.kind {
	case provider.HeaderPiece:
		switch values := c.header[p.text]; len(values) {
		case 0:
			return Malformed
		case 1:
			value = values[0]
		default:
			return Duplicate
		}
	case provider.PartPiece:
		var ok bool
		if value, ok = c.part(p.text); !ok {
			return Malformed
		}
	default:
		return ""
	}
	if !isName(value) || !p.bounds(value) {
		return Malformed
	}
	return ""
}

// bounds reports whether a value ends only where the surrounding texts mark its
// end.
func (p *piece) bounds(value string) bool {
	return (p.leader == "" || strings.LastIndex(p.leader+value, p.leader) == 0) &&
		(p.follower == "" || strings.Index(value+p.follower, p.follower) == len(value))
}

// checkURL refuses a URL with a query into which adjacent signed bytes could
// have been moved.
func (c *Claim) checkURL() Reason {
	for i := range c.scheme.signed {
		p := &c.scheme.signed[i]
		if p.kind != provider.URLPiece {
			continue
		}
		base, query, found := strings.Cut(c.URL, "?")
		if found && (p.alone || p.last && strings.Contains(query, base) || !p.bounds(query)) {
			return Malformed
		}
	}
	return ""
}

// part returns the value of the header's only part of that name.
func (c *Claim) part(name string) (string, bool) {
	found, count := "", 0
	for rest, more := c.header[c.scheme.header][0], true; more; {
		var entry string
		entry, rest, more = strings.Cut(rest, c.scheme.separator)
		if value, ok := strings.CutPrefix(entry, name); ok {
			found, count = value, count+1
		}
	}
	return found, count == 1
}

// checkTime checks the signing time, unless it is in the body.
func (c *Claim) checkTime() Reason {
	clock := c.scheme.clock
	switch {
	case clock == nil || clock.json != "":
		return ""
	case clock.part != "":
		value, _ := c.part(clock.part)
		return clock.check(value, c.now)
	}
	switch values := c.header[clock.header]; len(values) {
	case 0:
		return Malformed
	case 1:
		return clock.check(values[0], c.now)
	}
	return Duplicate
}

// checkForm requires at least one signature that could be right.
func (c *Claim) checkForm() Reason {
	count := 0
	for s := c.signatures(); s.next(); {
		count++
	}
	if count == 0 || count > maxSignatures {
		return Malformed
	}
	return ""
}

// signatures iterates over the signatures of the scheme's version and length,
// in all headers that hold one; other entries of a list belong to another
// version.
type signatures struct {
	scheme  *scheme
	header  http.Header
	length  int
	headers []string
	rest    string
	more    bool
	text    string // the one that was found
}

func (c *Claim) signatures() signatures {
	s := signatures{scheme: c.scheme, header: c.header, headers: c.scheme.headers}
	if size := c.scheme.method.size; size > 0 {
		s.length = c.scheme.encoding.length(size)
	}
	return s
}

func (s *signatures) next() bool {
	for {
		if !s.more {
			if len(s.headers) == 0 {
				return false
			}
			values := s.header[s.headers[0]]
			s.headers = s.headers[1:]
			if len(values) == 0 {
				continue
			}
			s.rest = values[0]
		}
		entry := s.rest
		if s.more = s.scheme.separator != ""; s.more {
			entry, s.rest, s.more = strings.Cut(s.rest, s.scheme.separator)
		}
		if text, ok := s.scheme.cutPrefix(entry); ok && text != "" && (s.length == 0 || len(text) == s.length) {
			s.text = text
			return true
		}
	}
}
