package sender

import (
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"hash"
	"net/http"
	"slices"
	"strings"

	"github.com/hookgate/hookgate/module/provider"
)

// scheme is one way in which a sender proves itself, ready for use.
type scheme struct {
	header   string   // canonical, as all that follow
	more     []string // further headers of the same kind
	headers  []string // header and more
	method   method
	encoding encoding
	prefix   string
	// anyCase compares the prefix without regard to case.
	anyCase bool
	// shared says that another scheme uses the same header, so that the
	// prefix decides which of them a request means.
	shared    bool
	separator string
	signed    []piece
	// signsURL and signsPayload say that those are among the signed pieces.
	signsURL     bool
	signsPayload bool
	formField    string
	inBody       bool
	// numbers says of each place of the delivery ID that the scheme covers it, and
	// that such an ID stands for one event.
	numbers []bool
	secret  provider.SecretFormat
	clock   *clock

	newVerifier func([]string) (provider.Verifier, error)
	sign        func(string, *provider.Request) error
}

// piece is a part of what is signed.
type piece struct {
	kind provider.PieceKind
	// text is the text, the canonical header name, or the part's `name=`.
	text string
	// leader and follower are the texts around a header's value or a part, or after
	// the URL, in which they must not occur: a byte could move over one, and the
	// signature would still be right.
	leader, follower string
	// alone says of the URL that something else follows at once, so that it must
	// have no query; last, that something that may hold a URL stands before it.
	alone, last bool
}

// method is an algorithm.
type method struct {
	kind methodKind
	// hash makes the hash of a HMAC.
	hash func() hash.Hash
	// size is the length of a signature in bytes, 0 when it varies.
	size int
	// strong says whether it counts where SHA-256 or stronger is required. A
	// token signs nothing.
	strong bool
}

type methodKind int

const (
	byToken methodKind = iota
	byMAC
	byEd25519
	byECDSA
	byCode
)

var methods = map[provider.Algorithm]method{
	provider.Token:      {kind: byToken},
	provider.HMACSHA1:   {kind: byMAC, hash: sha1.New, size: sha1.Size},
	provider.HMACSHA256: {kind: byMAC, hash: sha256.New, size: sha256.Size, strong: true},
	provider.HMACSHA384: {kind: byMAC, hash: sha512.New384, size: sha512.Size384, strong: true},
	provider.HMACSHA512: {kind: byMAC, hash: sha512.New, size: sha512.Size, strong: true},
	provider.Ed25519:    {kind: byEd25519, size: 64, strong: true},
	provider.ECDSA:      {kind: byECDSA, strong: true},
}

// Compile prepares a description. It fails for one that is not valid, with
// the field that is wrong.
func Compile(d *provider.Description) (*Provider, error) {
	if err := d.Validate(); err != nil {
		return nil, fmt.Errorf("preparing the provider %q: %w", d.Name, err)
	}
	p := &Provider{
		name:      d.Name,
		event:     eventPlaces(d.Event),
		delivery:  eventPlaces(d.Delivery),
		kinds:     eventPaths(d.Kinds),
		actions:   eventPaths(d.Action),
		pings:     slices.Clone(d.Pings),
		formField: d.FormField,
		sample:    d.Sample,
		status:    d.Status,

		sha256Optional: d.SHA256Optional,
	}
	for _, path := range d.PerAttempt {
		p.perAttempt = append(p.perAttempt, strings.Split(path, "."))
	}
	p.lists, _ = d.Lists() // it is valid
	p.lines = d.JSONLines
	if p.sample == "" {
		p.sample = "test"
	}
	for i := range d.Schemes {
		s, err := compileScheme(&d.Schemes[i], d.FormField)
		if err != nil {
			return nil, fmt.Errorf("preparing the provider %q: schemes[%d]: %w", d.Name, i, err)
		}
		if !d.DeliveryRepeats {
			s.numbers = s.signs(p.delivery, d.Schemes[i].SignsDelivery)
		}
		p.schemes = append(p.schemes, s)
		for _, name := range s.headers {
			p.credentials = appendNew(p.credentials, name)
		}
	}
	p.markShared()
	for _, at := range slices.Concat(p.event, p.delivery) {
		p.events = appendNew(p.events, at.header)
	}
	p.reserved = slices.Clone(p.events)
	for i := range p.schemes {
		if c := p.schemes[i].clock; c != nil {
			p.reserved = appendNew(p.reserved, c.header)
		}
	}
	p.kept = slices.Concat(always, p.events)
	for _, name := range d.Pass {
		p.kept = appendNew(p.kept, http.CanonicalHeaderKey(name))
	}
	for i := range d.Handshakes {
		p.handshakes = append(p.handshakes, compileHandshake(&d.Handshakes[i]))
	}
	return p, nil
}

func compileScheme(d *provider.Scheme, formField string) (scheme, error) {
	s := scheme{
		header:    http.CanonicalHeaderKey(d.Header),
		inBody:    d.InBody,
		method:    methods[d.Algorithm],
		prefix:    d.Prefix,
		separator: d.Separator,
		formField: formField,
		secret:    d.Secret.OrDefault(d.Algorithm),
	}
	for _, name := range d.More {
		s.more = append(s.more, http.CanonicalHeaderKey(name))
	}
	s.headers = append([]string{s.header}, s.more...)
	s.anyCase = s.header == "Authorization"
	if d.NewVerifier != nil {
		s.method.kind, s.newVerifier, s.sign, s.signsURL = byCode, d.NewVerifier, d.Sign, true
		s.clock = compileTime(d.Time)
		return s, nil
	}
	if s.method.kind == byToken {
		return s, nil
	}
	s.encoding = encoding(d.Encoding)
	parsed, err := provider.ParseSigned(d.Signed)
	if err != nil {
		return scheme{}, err
	}
	open := false // what varies has begun
	for i, part := range parsed {
		compiled := piece{kind: part.Kind, text: part.Text}
		switch part.Kind {
		case provider.HeaderPiece:
			compiled.text = http.CanonicalHeaderKey(part.Text)
		case provider.PartPiece:
			compiled.text += "="
		case provider.URLPiece:
			s.signsURL = true
			compiled.last = open
			compiled.alone = i+1 < len(parsed) && parsed[i+1].Kind != provider.TextPiece
		case provider.PayloadPiece:
			s.signsPayload = true
		}
		if i+1 < len(parsed) && parsed[i+1].Kind == provider.TextPiece {
			compiled.follower = parsed[i+1].Text
		}
		if open && part.Kind != provider.URLPiece && parsed[i-1].Kind == provider.TextPiece {
			compiled.leader = parsed[i-1].Text
		}
		open = open || part.Kind != provider.TextPiece
		s.signed = append(s.signed, compiled)
	}
	s.clock = compileTime(d.Time)
	return s, nil
}

// signs says of each place whether the scheme covers it; of one that needs code
// its description says that.
func (s *scheme) signs(places []eventPlace, byCode bool) []bool {
	signs := make([]bool, len(places))
	for i, at := range places {
		signs[i] = byCode || slices.ContainsFunc(s.signed, func(p piece) bool {
			if at.header != "" {
				return p.kind == provider.HeaderPiece && p.text == at.header
			}
			return p.kind == provider.BodyPiece || p.kind == provider.PayloadPiece
		})
	}
	return signs
}

func (p *Provider) markShared() {
	for i := range p.schemes {
		for n := range p.schemes {
			if i != n && p.schemes[i].header == p.schemes[n].header {
				p.schemes[i].shared = true
			}
		}
	}
}

// eventPlace is where a sender writes what belongs to an event: in a header, or
// at a path.
type eventPlace struct {
	header string // canonical
	path   eventPath
}

// eventPath is a path of a description. It leads through some lists, and from an
// entry of the last one on.
type eventPath struct {
	text  string
	lists int
	rest  string
}

func eventPlaces(places []provider.Place) []eventPlace {
	compiled := make([]eventPlace, len(places))
	for i, at := range places {
		compiled[i] = eventPlace{http.CanonicalHeaderKey(at.Header), newEventPath(at.JSON)}
	}
	return compiled
}

func eventPaths(texts []string) []eventPath {
	compiled := make([]eventPath, len(texts))
	for i, text := range texts {
		compiled[i] = newEventPath(text)
	}
	return compiled
}

func newEventPath(text string) eventPath {
	rest := text[strings.LastIndex(text, "#")+1:]
	return eventPath{text, strings.Count(text, "#"), strings.TrimPrefix(rest, ".")}
}

func appendNew(names []string, name string) []string {
	if name == "" || slices.Contains(names, name) {
		return names
	}
	return append(names, name)
}

// cutPrefix cuts the scheme's prefix off.
func (s *scheme) cutPrefix(text string) (string, bool) {
	if s.anyCase && len(text) >= len(s.prefix) && strings.EqualFold(text[:len(s.prefix)], s.prefix) {
		return text[len(s.prefix):], true
	}
	return strings.CutPrefix(text, s.prefix)
}
