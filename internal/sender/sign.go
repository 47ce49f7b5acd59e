package sender

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/hookgate/hookgate/module/provider"
)

// ErrSenderSigns means that only the sender can sign: the integration holds
// its public key.
var ErrSenderSigns = errors.New("only the sender can sign a request of this provider")

// Sample returns an unsigned event as the sender would write it, with the
// delivery ID if the sender has a place for one.
func (p *Provider) Sample(address, deliveryID string, now time.Time) *provider.Request {
	r := &provider.Request{Method: http.MethodPost, URL: address, Header: http.Header{}, Now: now}
	r.Header.Set("Content-Type", "application/json")
	body := any(map[string]any{"test": true})
	body = p.place(r.Header, body, p.event, p.sample)
	body = p.place(r.Header, body, p.delivery, deliveryID)
	for i := range p.schemes {
		if c := p.schemes[i].clock; c != nil && c.json != "" {
			body = put(body, c.json, c.value(now))
		}
		for _, piece := range p.schemes[i].signed {
			if piece.kind == provider.HeaderPiece && r.Header.Get(piece.text) == "" {
				r.Header.Set(piece.text, "test")
			}
		}
	}
	r.Body, _ = json.Marshal(body) // consists of maps, strings and numbers
	return r
}

// place writes the value to the sender's first place for it, and returns the
// body.
func (p *Provider) place(header http.Header, body any, places []eventPlace, value string) any {
	switch {
	case len(places) == 0:
	case places[0].header != "":
		header.Set(places[0].header, value)
	default:
		return put(body, places[0].path.text, value)
	}
	return body
}

// put returns a document with a value at the path. It creates the objects on
// the way, for an index or each entry a list of one, and keeps what exists.
func put(into any, path string, value any) any {
	step, rest, more := strings.Cut(path, ".")
	if more {
		value = put(member(into, step), rest, value)
	}
	if isIndex(step) {
		return []any{value}
	}
	object, ok := into.(map[string]any)
	if !ok {
		object = make(map[string]any)
	}
	object[step] = value
	return object
}

// member returns the value that a path step leads to, or nil.
func member(from any, step string) any {
	switch from := from.(type) {
	case map[string]any:
		if isIndex(step) {
			return from
		}
		return from[step]
	case []any:
		return from[0]
	}
	return nil
}

func isIndex(step string) bool {
	_, err := strconv.Atoi(step)
	return err == nil || step == "#"
}

// Sign signs the request with the first secret that the sender's first scheme
// can sign with. Without one it fails with ErrSenderSigns.
func (v *Verifier) Sign(r *provider.Request) error {
	for _, secret := range v.secrets {
		if _, err := v.provider.schemes[0].newKey(secret); err == nil {
			return v.provider.Sign(secret, r)
		}
	}
	return ErrSenderSigns
}

// Sign signs the request as the sender would, with its first scheme.
func (p *Provider) Sign(secret string, r *provider.Request) error {
	s := &p.schemes[0]
	switch s.method.kind {
	case byEd25519, byECDSA:
		return ErrSenderSigns
	case byCode:
		if s.sign == nil {
			return ErrSenderSigns
		}
		return s.sign(secret, r)
	}
	k, err := s.newKey(secret)
	if err != nil {
		return fmt.Errorf("signing for %s: %w", p.name, err)
	}
	if s.method.kind == byToken {
		material, err := s.material(secret)
		if err != nil {
			return fmt.Errorf("signing for %s: %w", p.name, err)
		}
		r.Header.Set(s.header, s.prefix+string(material))
		return nil
	}
	// The parts come first, because they are signed too.
	var parts string
	if c := s.clock; c != nil && c.header != "" {
		r.Header.Set(c.header, c.write(r.Now))
	} else if c != nil && c.part != "" {
		parts = c.part + c.write(r.Now) + s.separator
	}
	r.Header.Set(s.header, parts)
	claim := Claim{URL: r.URL, scheme: s, header: r.Header, now: r.Now}
	if s.signsPayload {
		var ok bool
		if claim.payload, ok = claim.readPayload(r.Body); !ok {
			return fmt.Errorf("signing for %s: the form holds no payload", p.name)
		}
	}
	signature := s.encoding.append(nil, k.sum(nil, &claim, r.Body))
	r.Header.Set(s.header, parts+s.prefix+string(signature))
	return nil
}
