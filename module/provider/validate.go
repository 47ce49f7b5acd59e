package provider

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/hookgate/hookgate/internal/syntax"
)

// The limits of a description.
const maxList = 32

// Validate returns what is wrong with the description, naming the field. It
// refuses what is unsafe: a signature that omits the body without saying so, a
// time that is not signed, pieces that can run into each other.
func (d *Description) Validate() error {
	if !isName(d.Name) {
		return errors.New("name: must be at most 64 lowercase letters, digits and hyphens")
	}
	if len(d.Schemes) == 0 || len(d.Schemes) > maxList {
		return fmt.Errorf("schemes: must have 1 to %d entries", maxList)
	}
	for i := range d.Schemes {
		if err := d.Schemes[i].validate(d); err != nil {
			return fmt.Errorf("schemes[%d].%w", i, err)
		}
	}
	if err := d.validatePlaces(); err != nil {
		return err
	}
	if d.Status != 0 && (d.Status < 200 || d.Status > 299) {
		return errors.New("status: must be from 200 to 299")
	}
	if len(d.Handshakes) > maxList {
		return fmt.Errorf("handshakes: at most %d are allowed", maxList)
	}
	for i := range d.Handshakes {
		if err := d.Handshakes[i].validate(); err != nil {
			return fmt.Errorf("handshakes[%d].%w", i, err)
		}
	}
	return nil
}

// validatePlaces checks the places of event, delivery and action.
func (d *Description) validatePlaces() error {
	if max(len(d.Event), len(d.Delivery), len(d.Kinds), len(d.Action), len(d.PerAttempt), len(d.Pings), len(d.Pass)) > maxList {
		return fmt.Errorf("event, delivery, kinds, action, per_attempt, pings, pass: at most %d entries are allowed", maxList)
	}
	for field, places := range map[string][]Place{"event": d.Event, "delivery": d.Delivery} {
		for i, at := range places {
			if err := at.validate(ofEvent); err != nil {
				return fmt.Errorf("%s[%d].%w", field, i, err)
			}
			if at.Header != "" && d.carriesCredential(at.Header) {
				return fmt.Errorf("%s[%d].header: %s carries a credential, which is neither stored nor shown", field, i, at.Header)
			}
		}
	}
	for i, path := range d.Kinds {
		if !isEventPath(path) {
			return fmt.Errorf("kinds[%d]: must be a path such as object.type", i)
		}
	}
	for i, path := range d.Action {
		if !isEventPath(path) {
			return fmt.Errorf("action[%d]: must be a path such as object.action", i)
		}
	}
	for i, path := range d.PerAttempt {
		if !isEventPath(path) {
			return fmt.Errorf("per_attempt[%d]: must be a path such as object.attempt", i)
		}
	}
	lists, err := d.Lists()
	switch {
	case err != nil:
		return err
	case d.JSONLines && (len(lists) == 0 || lists[0] != ""):
		return errors.New("json_lines: requires a path that begins with #")
	}
	for i, name := range d.Pings {
		if !isText(name) {
			return fmt.Errorf("pings[%d]: must be printable ASCII", i)
		}
	}
	if d.FormField != "" && !isToken(d.FormField) {
		return errors.New("form_field: must be the name of a form field")
	}
	for i, name := range d.Pass {
		if !isToken(name) || isUnsafe(name) || d.carriesCredential(name) {
			return fmt.Errorf("pass[%d]: must be the name of a header without a secret", i)
		}
	}
	if d.Sample != "" && !isText(d.Sample) {
		return errors.New("sample: must be printable ASCII")
	}
	return nil
}

func (d *Description) carriesCredential(name string) bool {
	return slices.ContainsFunc(d.Schemes, func(s Scheme) bool {
		return strings.EqualFold(s.Header, name) ||
			slices.ContainsFunc(s.More, func(more string) bool { return strings.EqualFold(more, name) })
	})
}

func (s *Scheme) validate(d *Description) error {
	if s.InBody && (s.Header != "" || len(s.More) > 0 || s.NewVerifier == nil) {
		return errors.New("header: a credential in the body has none, and requires code")
	}
	for _, name := range append([]string{s.Header}, s.More...) {
		if s.InBody {
			break
		}
		if lower := strings.ToLower(name); !isToken(name) || lower != "authorization" && isUnsafe(name) {
			return errors.New("header: must be the name of the header that carries the credential")
		}
	}
	if len(s.More) > maxList {
		return fmt.Errorf("more: at most %d entries are allowed", maxList)
	}
	formats, known := secretFormats[s.Algorithm]
	if !known {
		return fmt.Errorf("algorithm: unknown %q (want token, hmac-sha1, hmac-sha256, hmac-sha384, hmac-sha512, ed25519 or ecdsa-sha256)", s.Algorithm)
	}
	if s.NewVerifier != nil {
		return s.validateTime(nil, false)
	}
	if !slices.Contains(formats, s.Secret.OrDefault(s.Algorithm)) {
		return fmt.Errorf("secret: %q does not fit %s", s.Secret, s.Algorithm)
	}
	if !isText(s.Prefix) && s.Prefix != "" || !isText(s.Separator) && s.Separator != "" || len(s.Separator) > 1 {
		return errors.New("prefix, separator: must be printable ASCII, and a separator one character")
	}
	if s.Separator != "" && strings.Contains(s.Prefix, s.Separator) && s.Algorithm == Token {
		return errors.New("prefix: must not contain the separator")
	}
	if s.Algorithm == Token {
		return s.validateToken()
	}
	if !slices.Contains([]Encoding{"", Hex, Base64, Base64URL}, s.Encoding) {
		return fmt.Errorf("encoding: unknown %q (want hex, base64 or base64url)", s.Encoding)
	}
	return s.validateSigned(d)
}

func (s *Scheme) validateToken() error {
	switch {
	case s.Signed != "":
		return errors.New("signed: a token signs nothing")
	case s.Time != nil:
		return errors.New("time: a token does not sign a time")
	case s.Encoding != "" || s.Separator != "" || len(s.More) > 0:
		return errors.New("encoding, separator, more: a token is the value of a single header")
	}
	return nil
}

// validateSigned checks what is signed, and whether that is enough.
func (s *Scheme) validateSigned(d *Description) error {
	pieces, err := ParseSigned(s.Signed)
	if err != nil {
		return fmt.Errorf("signed: %w", err)
	}
	body := false
	for i, piece := range pieces {
		switch {
		case piece.Kind == BodyPiece || piece.Kind == PayloadPiece:
			body = true
			if piece.Kind == PayloadPiece && d.FormField == "" {
				return errors.New("signed: {payload} requires form_field")
			}
		case piece.Kind == PartPiece && s.Separator == "":
			return errors.New("signed: {part.NAME} requires a separator")
		case piece.Kind == HeaderPiece && d.carriesCredential(piece.Text):
			return errors.New("signed: a signature cannot sign itself")
		}
		if i > 0 && (s.runsTogether(pieces[i-1], piece) ||
			i > 1 && pieces[i-1].Kind == URLPiece && s.runsTogether(pieces[i-2], piece)) {
			return errors.New("signed: text is required between the places, or bytes of one could be moved to the next")
		}
	}
	if body == s.BodyUnsigned {
		if body {
			return errors.New("body_unsigned: the body is signed")
		}
		return errors.New("signed: the body is not signed: anyone who has seen one request can send any body; set body_unsigned if that is how the sender works")
	}
	return s.validateTime(pieces, body)
}

// runsTogether reports whether a byte could be moved from one piece to the
// other with the signature still valid. A time has a fixed form, and the
// gateway knows its URL, but not if it is between two others.
func (s *Scheme) runsTogether(before, after Piece) bool {
	open := func(p Piece) bool {
		return p.Kind != TextPiece && p.Kind != URLPiece && !s.isTime(p)
	}
	return open(before) && open(after)
}

func (s *Scheme) isTime(p Piece) bool {
	return s.Time != nil && (p.Kind == HeaderPiece && strings.EqualFold(p.Text, s.Time.Header) ||
		p.Kind == PartPiece && p.Text == s.Time.Part)
}

func (s *Scheme) validateTime(pieces []Piece, body bool) error {
	t := s.Time
	if t == nil {
		return nil
	}
	if err := t.validate(ofTime); err != nil {
		return fmt.Errorf("time.%w", err)
	}
	if !slices.Contains([]TimeFormat{"", UnixSeconds, UnixMillis, RFC3339}, t.Format) {
		return fmt.Errorf("time.format: unknown %q (want unix, unix-ms or rfc3339)", t.Format)
	}
	if t.Tolerance < 0 || t.Tolerance > MaxTolerance && s.NewVerifier == nil {
		return fmt.Errorf("time.tolerance: must be from 1 to %d seconds", MaxTolerance)
	}
	if s.NewVerifier != nil {
		return nil
	}
	if t.JSON != "" && body || t.JSON == "" && slices.ContainsFunc(pieces, s.isTime) {
		return nil
	}
	return errors.New("time: the signature does not cover it, so it proves nothing")
}

func (h *Handshake) validate() error {
	if !slices.Contains([]string{"", http.MethodPost, http.MethodGet, http.MethodHead, http.MethodOptions}, h.Method) {
		return errors.New("method: must be POST, GET, HEAD or OPTIONS")
	}
	if len(h.When) == 0 && (h.Method == "" || h.Method == http.MethodPost) {
		return errors.New("when: a condition is required, or every event would be a handshake")
	}
	for i := range h.When {
		c := &h.When[i]
		if err := c.validate(ofHandshake); err != nil {
			return fmt.Errorf("when[%d].%w", i, err)
		}
		if c.Empty && (c.JSON == "" || c.Absent || c.Equals != "") {
			return fmt.Errorf("when[%d].empty: requires a list in the body, and no other condition on it", i)
		}
	}
	for field, at := range map[string]*Place{"token": h.Token, "echo": h.Echo, "learn": h.Learn} {
		if at == nil {
			continue
		}
		if err := at.validate(ofHandshake); err != nil {
			return fmt.Errorf("%s.%w", field, err)
		}
	}
	for name, at := range h.EchoHeaders {
		if err := at.validate(ofHandshake); !isToken(name) || err != nil {
			return fmt.Errorf("echo_headers: the place for %q is not valid", name)
		}
	}
	switch {
	case h.Status != 0 && (h.Status < 200 || h.Status > 299):
		return errors.New("status: must be from 200 to 299")
	case h.Echo == nil && (h.Member != "" || h.MACMember != ""):
		return errors.New("echo: the members require it")
	case h.Pong && (h.Echo != nil || h.JSON != "" || h.Learn != nil || len(h.EchoHeaders) > 0):
		return errors.New("pong: it cannot be combined with another answer")
	case h.Open && h.MACMember != "":
		return errors.New("open: an answer computed with the secret must require the credential")
	case h.Learn != nil && h.Method != "" && h.Method != http.MethodPost:
		return errors.New("learn: requires the method POST")
	case h.Learn != nil && !h.Open:
		return errors.New("learn: the request with the secret cannot be signed with it, so it must be open")
	}
	return nil
}

// OrDefault returns the format itself, or the algorithm's default.
func (f SecretFormat) OrDefault(a Algorithm) SecretFormat {
	if f != "" {
		return f
	}
	switch a {
	case Ed25519:
		return HexSecret
	case ECDSA:
		return SPKI
	}
	return Text
}

// secretFormats are the formats that fit an algorithm.
var secretFormats = map[Algorithm][]SecretFormat{
	Token:      {Text, BasicPair},
	HMACSHA1:   {Text, Base64Secret, HexSecret, Whsec},
	HMACSHA256: {Text, Base64Secret, HexSecret, Whsec},
	HMACSHA384: {Text, Base64Secret, HexSecret, Whsec},
	HMACSHA512: {Text, Base64Secret, HexSecret, Whsec},
	Ed25519:    {HexSecret, Base64Secret, Whpk, SPKI},
	ECDSA:      {SPKI},
}

// placeUse is what a place is for, which determines what it may be.
type placeUse int

const (
	ofEvent placeUse = iota
	ofTime
	ofHandshake
)

// validate requires exactly one of the allowed places.
func (p *Place) validate(use placeUse) error {
	set := 0
	for _, text := range []string{p.Header, p.JSON, p.Query, p.Form, p.Part} {
		if text != "" {
			set++
		}
	}
	isJSON := isPath
	if use == ofEvent {
		isJSON = isEventPath
	}
	switch {
	case set != 1 || p.Query+p.Form != "" && use != ofHandshake || p.Part != "" && use != ofTime:
		return errors.New("place: must have exactly one of the places that are possible here")
	case p.Header != "" && !isToken(p.Header):
		return errors.New("header: must be the name of a header")
	case p.JSON != "" && !isJSON(p.JSON):
		return errors.New("json: must be a path such as object.type")
	case p.Query+p.Form+p.Part != "" && !isToken(p.Query+p.Form+p.Part):
		return errors.New("query, form, part: a name is required")
	}
	return nil
}

// isUnsafe reports headers that carry other credentials, or that have their own
// meaning.
func isUnsafe(name string) bool {
	lower := strings.ToLower(name)
	return strings.HasPrefix(lower, "content-") || strings.HasPrefix(lower, "proxy-") ||
		slices.Contains([]string{"authorization", "cookie", "host", "user-agent"}, lower) || syntax.IsConnectionHeader(name)
}

func isName(text string) bool {
	for i := range len(text) {
		if c := text[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && (c != '-' || i == 0) {
			return false
		}
	}
	return text != "" && len(text) <= 64
}

// isPath allows only names and indexes: the engine's own path language can do
// more, and a path may come from an integration.
func isPath(text string) bool {
	for name := range strings.SplitSeq(text, ".") {
		for i := range len(name) {
			c := name[i]
			letter := 'a' <= c|0x20 && c|0x20 <= 'z'
			if !letter && (c < '0' || c > '9') && c != '_' && c != '-' && c != '$' {
				return false
			}
		}
		if name == "" {
			return false
		}
	}
	return len(text) <= 256
}

// isEventPath also allows `#` for each entry of a list.
func isEventPath(text string) bool {
	for name := range strings.SplitSeq(text, ".") {
		if name != each && !isPath(name) {
			return false
		}
	}
	return len(text) <= 256
}

func isText(text string) bool {
	return text != "" && len(text) <= 256 && syntax.IsPrintable(text)
}
