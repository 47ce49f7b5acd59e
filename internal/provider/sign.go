package provider

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	public "github.com/hookgate/hookgate/module/provider"
)

// ErrSenderSigns means that only the sender can sign: the integration holds
// its public key.
var ErrSenderSigns = errors.New("only the sender can sign a request of this provider")

// Sample returns an event as the sender would write it, not signed yet, with
// the delivery ID where the sender has a place for one.
func (p *Provider) Sample(address, deliveryID string, now time.Time) *public.Request {
	r := &public.Request{Method: http.MethodPost, URL: address, Header: http.Header{}, Now: now}
	r.Header.Set("Content-Type", "application/json")
	body := map[string]any{"test": true}
	p.place(r.Header, body, p.event, p.sample)
	p.place(r.Header, body, p.delivery, deliveryID)
	for i := range p.schemes {
		if c := p.schemes[i].clock; c != nil && c.json != "" {
			put(body, c.json, json.RawMessage(c.write(now)))
		}
		for _, piece := range p.schemes[i].signed {
			if piece.kind == public.HeaderPiece && r.Header.Get(piece.text) == "" {
				r.Header.Set(piece.text, "test")
			}
		}
	}
	r.Body, _ = json.Marshal(body) // of maps, strings and numbers
	return r
}

// place writes the value where the sender writes it first.
func (p *Provider) place(header http.Header, body map[string]any, places []public.Place, value string) {
	switch {
	case len(places) == 0:
	case places[0].Header != "":
		header.Set(places[0].Header, value)
	default:
		put(body, places[0].JSON, value)
	}
}

// put writes a value at the path, and makes the objects and lists on the way.
// An index makes a list of one.
func put(object map[string]any, path string, value any) {
	name, rest, more := strings.Cut(path, ".")
	if !more {
		object[name] = value
		return
	}
	index, after, deeper := strings.Cut(rest, ".")
	if _, err := strconv.Atoi(index); err == nil {
		list, ok := object[name].([]any)
		if !ok {
			list = []any{map[string]any{}}
			object[name] = list
		}
		if !deeper {
			list[0] = value
		} else if inner, ok := list[0].(map[string]any); ok {
			put(inner, after, value)
		}
		return
	}
	inner, ok := object[name].(map[string]any)
	if !ok {
		inner = map[string]any{}
		object[name] = inner
	}
	put(inner, rest, value)
}

// Sign signs the request with the first of the secrets that the sender's first
// scheme can sign with. Without one it fails with ErrSenderSigns.
func (v *Verifier) Sign(r *public.Request) error {
	for _, secret := range v.secrets {
		if _, err := v.provider.schemes[0].newKey(secret); err == nil {
			return v.provider.Sign(secret, r)
		}
	}
	return ErrSenderSigns
}

// Sign signs the request as the sender would, by the first of its schemes.
func (p *Provider) Sign(secret string, r *public.Request) error {
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
	// The parts come first: they are signed along.
	var parts string
	if c := s.clock; c != nil && c.header != "" {
		r.Header.Set(c.header, c.write(r.Now))
	} else if c != nil && c.part != "" {
		parts = c.part + c.write(r.Now) + s.separator
	}
	r.Header.Set(s.header, parts)
	claim := Claim{URL: r.URL, scheme: s, header: r.Header, now: r.Now}
	payload, ok := claim.readPayload(r.Body)
	if !ok {
		return fmt.Errorf("signing for %s: the form holds no payload", p.name)
	}
	claim.payload = payload
	signature := s.encoding.append(nil, k.sum(nil, &claim, r.Body))
	r.Header.Set(s.header, parts+s.prefix+string(signature))
	return nil
}
