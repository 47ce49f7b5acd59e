package integration

import (
	"bytes"
	"encoding/json"
	"reflect"

	"github.com/hookgate/hookgate/module/provider"
)

// Custom is the provider that an integration describes itself.
const Custom = "custom"

// The bounds of a description, besides its own.
const (
	maxDescription = 16 << 10 // bytes of JSON
	maxSchemes     = 4
	maxHandshakes  = 4
)

// provider reads which provider signs. Only the custom one comes with a
// description.
func (p form) provider(f *fields, signature *Signature) (facts ProviderFacts) {
	document, described := f.take("description")
	described = described && document != nil
	switch {
	case signature.Provider == Custom && p.rules.Custom != nil:
		if !described {
			f.refuse("description", codeRequired, "the provider custom needs one")
			return facts
		}
		if signature.Description = description(f, document); signature.Description == nil {
			return facts
		}
		facts, err := p.rules.Custom(signature.Description)
		if err != nil {
			f.refuse("description", codeInvalid, "%v", err)
		}
		facts.Timed = false // the description says how old a time may be
		return facts
	case described:
		f.refuse("description", codeConflict, "only the provider custom has one")
	}
	known := false
	if p.rules.Provider != nil {
		facts, known = p.rules.Provider(signature.Provider)
	}
	switch {
	case signature.Provider == "":
		f.refuse("provider", codeRequired, "it must not be empty%s", choose("", p.rules.Providers))
	case !known:
		f.refuse("provider", codeNotFound, "there is no such provider%s%s", f.show(signature.Provider), choose(signature.Provider, p.rules.Providers))
	}
	return facts
}

// description reads a provider's description. What it may hold is checked where
// it is compiled; here is checked what whoever describes only one integration
// may not do: choose the header in which a request is repeated.
func description(f *fields, document any) *provider.Description {
	const field = "description"
	text, err := json.Marshal(document)
	if err != nil || len(text) > maxDescription {
		f.refuse(field, codeTooLong, "at most %d bytes are allowed", maxDescription)
		return nil
	}
	d := new(provider.Description)
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(d); err != nil {
		f.refuse(field, codeInvalid, "it is no description of a provider: %v", err)
		return nil
	}
	switch {
	case d.Name != "" && d.Name != Custom:
		f.refuse(field+".name", codeConflict, "it must be custom, or left out")
	case len(d.Schemes) > maxSchemes:
		f.refuse(field+".schemes", codeTooMany, "at most %d are allowed", maxSchemes)
	case len(d.Handshakes) > maxHandshakes:
		f.refuse(field+".handshakes", codeTooMany, "at most %d are allowed", maxHandshakes)
	}
	for i := range d.Handshakes {
		h, at := &d.Handshakes[i], item(field+".handshakes", i)
		switch {
		case len(h.EchoHeaders) > 0:
			f.refuse(at+".echo_headers", codeNotAllowed, "only a provider that is built in or installed can have them")
		case h.Learn != nil:
			f.refuse(at+".learn", codeNotAllowed, "only a provider that is built in or installed can have it")
		case h.JSON != "" && !json.Valid([]byte(h.JSON)):
			f.refuse(at+".json", codeInvalid, "a JSON document is needed, as a string")
		}
	}
	for i := range d.Schemes {
		d.Schemes[i].SetDefaults()
	}
	d.Name = Custom
	return d
}

// sameSender says whether a secret of the one may stay with the other: nothing
// has changed in what is done with it.
func (s *Signature) sameSender(other *Signature) bool {
	if s.Provider != other.Provider || (s.Description == nil) != (other.Description == nil) {
		return false
	}
	return s.Description == nil ||
		reflect.DeepEqual(s.Description.Schemes, other.Description.Schemes) &&
			reflect.DeepEqual(s.Description.Handshakes, other.Description.Handshakes)
}

// description reads one that was stored.
func (r *storedReader) description() *provider.Description {
	text := r.text()
	d := new(provider.Description)
	if json.Unmarshal([]byte(text), d) != nil {
		r.fail()
		return nil
	}
	if again, err := json.Marshal(d); err != nil || string(again) != text {
		r.fail()
		return nil
	}
	return d
}
