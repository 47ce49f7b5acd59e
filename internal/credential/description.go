package credential

import (
	"bytes"
	"encoding/json"

	"github.com/hookgate/hookgate/internal/form"
	"github.com/hookgate/hookgate/internal/wire"
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

// describe reads the description of a provider. What it may hold is checked where it is
// compiled. Checked here is what the author of a single integration's description may
// not use, such as echoed headers.
func describe(f *form.Fields, document any) *provider.Description {
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
		f.Refuse(field, form.Invalid, "it is not a description of a provider: %v", err)
		return nil
	}
	switch {
	case d.Name != "" && d.Name != Custom:
		f.Refuse(field+".name", form.Conflict, "it must be custom, or omitted")
	case len(d.Schemes) > maxSchemes:
		f.Refuse(field+".schemes", form.TooMany, "at most %d are allowed", maxSchemes)
	case len(d.Handshakes) > maxHandshakes:
		f.Refuse(field+".handshakes", form.TooMany, "at most %d are allowed", maxHandshakes)
	}
	for i := range d.Handshakes {
		h, at := &d.Handshakes[i], form.Item(field+".handshakes", i)
		switch {
		case len(h.EchoHeaders) > 0:
			f.Refuse(at+".echo_headers", form.NotAllowed, "only a built-in or installed provider can have them")
		case h.Learn != nil:
			f.Refuse(at+".learn", form.NotAllowed, "only a built-in or installed provider can have it")
		case h.JSON != "" && !json.Valid([]byte(h.JSON)):
			f.Refuse(at+".json", form.Invalid, "must be a JSON document, as a string")
		}
	}
	for i := range d.Schemes {
		d.Schemes[i].SetDefaults()
	}
	d.Name = Custom
	return d
}

// readDescription reads one that was stored.
func readDescription(r *wire.StringDecoder) *provider.Description {
	text := r.String()
	d := new(provider.Description)
	if json.Unmarshal([]byte(text), d) != nil {
		r.Fail()
		return nil
	}
	if again, err := json.Marshal(d); err != nil || string(again) != text {
		r.Fail()
		return nil
	}
	return d
}
