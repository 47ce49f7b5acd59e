package sender

import (
	"hash"

	"github.com/hookgate/hookgate/internal/jsondoc"
	"github.com/hookgate/hookgate/module/provider"
)

// canonical is a verifier of a credential that covers a normalised form of the
// body: several bodies may have the same form.
type canonical interface {
	// content returns that form. The request has been verified.
	content(r *provider.Request) []byte
}

// Content returns what the claim covers of the body: the body itself, unless
// the sender signs another form of it. Bodies that differ in nothing signed are
// the same. The claim has been verified.
func (c *Claim) Content(body []byte) []byte {
	if !c.Present() {
		return body
	}
	if c.scheme.signsPayload {
		return c.payload
	}
	if code, ok := c.line.code.(canonical); ok {
		return code.content(c.request(body))
	}
	return body
}

// Numbered reports whether the delivery ID alone identifies the event: the
// claim covers it, the sender never reuses it, and the request contains no
// other event.
func (m *Message) Numbered() bool {
	if !m.numbered || m.lines {
		return false
	}
	for i := range m.deliveryIn.path.lists {
		count := 0
		for range get(m.base(i), m.provider.lists[i]).Entries() {
			if count++; count > 1 {
				return false
			}
		}
	}
	return true
}

// TypeIsHeader reports whether the event type is in a header, so that the same
// body may arrive with another type.
func (m *Message) TypeIsHeader() bool { return m.typeIn != nil && m.typeIn.header != "" }

// WriteAttempt writes a content without what differs between the sender's
// attempts, and reports whether there is such a thing; if not, it writes
// nothing.
func (m *Message) WriteAttempt(w hash.Hash) bool {
	if len(m.provider.perAttempt) == 0 || !m.payload.Value().Exists() {
		return false
	}
	without{w}.write(m.payload.Value(), m.provider.perAttempt)
	return true
}

// without writes JSON without the values at the given paths.
type without struct{ hash.Hash }

func (w without) write(value jsondoc.Value, paths [][]string) {
	switch {
	case len(paths) == 0:
		w.Write(value.Raw())
	case value.IsObject():
		for name, member := range value.Members() {
			rest, ends := after(paths, name.Is)
			w.Write(name.Raw())
			w.Write([]byte(":"))
			if !ends {
				w.write(member, rest)
			}
			w.Write([]byte(","))
		}
		w.Write([]byte("}"))
	case value.IsArray():
		rest, ends := after(paths, func(step string) bool { return step == each })
		for entry := range value.Entries() {
			if !ends {
				w.write(entry, rest)
			}
			w.Write([]byte(","))
		}
		w.Write([]byte("]"))
	default:
		w.Write(value.Raw())
	}
}

// each is the path step that stands for each entry of a list.
const each = "#"

// after returns the remainders of the paths that begin with the step, and
// reports whether one of them ends with it.
func after(paths [][]string, is func(step string) bool) (rest [][]string, ends bool) {
	for _, path := range paths {
		switch {
		case !is(path[0]):
		case len(path) == 1:
			return nil, true
		default:
			rest = append(rest, path[1:])
		}
	}
	return rest, false
}
