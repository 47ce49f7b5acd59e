package integration

import (
	"bytes"
	"encoding/json"
	"reflect"

	"github.com/hookgate/hookgate/internal/form"
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
func (p reading) provider(f *form.Fields, signature *Signature) (facts ProviderFacts) {
	document, described := f.Take("description")
	described = described && document != nil
	switch {
	case signature.Provider == Custom && p.rules.Custom != nil:
		if !described {
			f.Refuse("description", form.Required, "the provider custom needs one")
			return facts
		}
		if signature.Description = description(f, document); signature.Description == nil {
			return facts
		}
		facts, err := p.rules.Custom(signature.Description)
		if err != nil {
			f.Refuse("description", form.Invalid, "%v", err)
		}
		facts.Timed = false // the description says how old a time may be
		return facts
	case described:
		f.Refuse("description", form.Conflict, "only the provider custom has one")
	}
	known := false
	if p.rules.Provider != nil {
		facts, known = p.rules.Provider(signature.Provider)
	}
	switch {
	case signature.Provider == "":
		f.Refuse("provider", form.Required, "it must not be empty%s", form.Choose("", p.rules.Providers))
	case !known:
		f.Refuse("provider", form.NotFound, "there is no such provider%s%s", f.Show(signature.Provider), form.Choose(signature.Provider, p.rules.Providers))
	}
	return facts
}

// description reads a provider's description. What it may hold is checked where
// it is compiled; here is checked what whoever describes only one integration
// may not do: choose the header in which a request is repeated.
func description(f *form.Fields, document any) *provider.Description {
	const field = "description"
	text, err := json.Marshal(document)
	if err != nil || len(text) > maxDescription {
		f.Refuse(field, form.TooLong, "at most %d bytes are allowed", maxDescription)
		return nil
	}
	d := new(provider.Description)
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(d); err != nil {
		f.Refuse(field, form.Invalid, "it is no description of a provider: %v", err)
		return nil
	}
	switch {
	case d.Name != "" && d.Name != Custom:
		f.Refuse(field+".name", form.Conflict, "it must be custom, or left out")
	case len(d.Schemes) > maxSchemes:
		f.Refuse(field+".schemes", form.TooMany, "at most %d are allowed", maxSchemes)
	case len(d.Handshakes) > maxHandshakes:
		f.Refuse(field+".handshakes", form.TooMany, "at most %d are allowed", maxHandshakes)
	}
	for i := range d.Handshakes {
		h, at := &d.Handshakes[i], form.Item(field+".handshakes", i)
		switch {
		case len(h.EchoHeaders) > 0:
			f.Refuse(at+".echo_headers", form.NotAllowed, "only a provider that is built in or installed can have them")
		case h.Learn != nil:
			f.Refuse(at+".learn", form.NotAllowed, "only a provider that is built in or installed can have it")
		case h.JSON != "" && !json.Valid([]byte(h.JSON)):
			f.Refuse(at+".json", form.Invalid, "a JSON document is needed, as a string")
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
