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

// scheme is one way in which a sender authenticates, ready for use.
type scheme struct {
	header   string   // canonical, like all that follow
	more     []string // further headers of the same kind
	headers  []string // header and more
	method   method
	encoding encoding
	prefix   string
	// anyCase compares the prefix case-insensitively.
	anyCase bool
	// shared means that another scheme uses the same header, so that the prefix
	// decides which of them a request uses.
	shared    bool
	separator string
	signed    []piece
	// signsURL and signsPayload mean that they are among the signed pieces.
	signsURL     bool
	signsPayload bool
	formField    string
	inBody       bool
	// numbers reports for each place of the delivery ID whether the scheme covers
	// it and the ID stands for a single event.
	numbers []bool
	secret  provider.SecretFormat
	clock   *clock

	newVerifier func([]string) (provider.Verifier, error)
	sign        func(string, *provider.Request) error
}

// piece is a part of the signed text.
type piece struct {
	kind provider.PieceKind
	// text is the text, the canonical header name, or the part's `name=`.
	text string
	// leader and follower are the texts around a header's value or a part, or
	// after the URL, which must not occur in it: otherwise a byte could move
	// across, and the signature would still be valid.
	leader, follower string
	// alone means that something directly follows the URL, so that it must not
	// have a query; last, that it is preceded by something that may contain a URL.
	alone, last bool
}

// method is an algorithm.
type method struct {
	kind methodKind
	// hash creates the hash of an HMAC.
	hash func() hash.Hash
	// size is the length of a signature in bytes, 0 if it varies.
	size int
	// strong reports whether it counts if SHA-256 or stronger is required. A token
	// signs nothing.
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

// Compile prepares a description. The error for an invalid one names the field.
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
	p.lists, _ = d.Lists() // validated above
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
	open := false // reached a part that varies
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

// signs reports for each place whether the scheme covers it; for a scheme in
// code, its description says so.
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

// eventPlace is where a sender writes a value of an event: in a header, or at a
// path.
type eventPlace struct {
	header string // canonical
	path   eventPath
}

// eventPath is a path of a description. It leads through lists, and then on
// from an entry of the last one.
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

// cutPrefix removes the scheme's prefix.
func (s *scheme) cutPrefix(text string) (string, bool) {
	if s.anyCase && len(text) >= len(s.prefix) && strings.EqualFold(text[:len(s.prefix)], s.prefix) {
		return text[len(s.prefix):], true
	}
	return strings.CutPrefix(text, s.prefix)
}
