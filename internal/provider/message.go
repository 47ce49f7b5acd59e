package provider

import (
	"errors"
	"fmt"
	"iter"
	"net/http"
	"slices"

	"github.com/hookgate/hookgate/internal/document"
	public "github.com/hookgate/hookgate/module/provider"
)

// maxName bounds event types and delivery IDs, in bytes.
const maxName = 255

// ErrHeader means that an event or delivery header occurs twice, or is not 1
// to 255 bytes of printable ASCII.
var ErrHeader = errors.New("an event or delivery header is invalid")

// Message is what the sender says of an authenticated request.
type Message struct {
	// Type is the sender's event type, "" when it has none.
	Type string
	// DeliveryID is the sender's own number for the request, or "".
	DeliveryID string
	// Ping says that the request is the sender's test of the connection.
	Ping bool

	provider *Provider
	body     *document.Document
}

// Read finds event type and delivery ID. Of a form the payload is the JSON
// inside it.
func (p *Provider) Read(header http.Header, payload *document.Document) (Message, error) {
	m := Message{provider: p, body: payload}
	var err error
	if m.Type, err = m.find(p.event, header); err != nil {
		return Message{}, err
	}
	if m.DeliveryID, err = m.find(p.delivery, header); err != nil {
		return Message{}, err
	}
	m.Ping = m.Type != "" && slices.Contains(p.pings, m.Type)
	return m, nil
}

// find returns what the first place holds, and checks the headers of all.
func (m *Message) find(places []public.Place, header http.Header) (string, error) {
	found := ""
	for _, at := range places {
		value := ""
		if at.Header == "" {
			if found == "" {
				value = nameAt(m.body, at.JSON)
			}
		} else if values := header[at.Header]; len(values) > 1 || len(values) == 1 && !isName(values[0]) {
			return "", fmt.Errorf("reading %s: %w", at.Header, ErrHeader)
		} else if len(values) == 1 {
			value = values[0]
		}
		if found == "" {
			found = value
		}
	}
	return found, nil
}

// Names yields the names by which a filter may want the event: the type, the
// kinds, and each of them with the action. The body is only looked at when
// the type is not enough.
func (m *Message) Names() iter.Seq[string] {
	return func(yield func(string) bool) {
		if m.Type == "" || !yield(m.Type) {
			return
		}
		names := []string{m.Type}
		for _, path := range m.provider.kinds {
			if kind := nameAt(m.body, path); kind != "" && kind != m.Type {
				names = append(names, kind)
				if !yield(kind) {
					return
				}
			}
		}
		action := m.Action()
		if action == "" {
			return
		}
		for _, name := range names {
			if !yield(name + "." + action) {
				return
			}
		}
	}
}

// Action is what happened to the thing that the event is about, such as opened;
// "" when the sender does not say.
func (m *Message) Action() string {
	for _, path := range m.provider.actions {
		if action := nameAt(m.body, path); action != "" {
			return action
		}
	}
	return ""
}

// isName says whether the text can be an event type or a delivery ID.
func isName(text string) bool {
	return text != "" && len(text) <= maxName && Printable(text)
}

// nameAt returns the string or whole number at the path, or "" when there is
// none, it is something else, or it could not stand in a header.
func nameAt(d *document.Document, path string) string {
	if text := textAt(d, path); isName(text) {
		return text
	}
	return ""
}

// textAt returns the string or whole number at the path as text.
func textAt(d *document.Document, path string) string {
	if path == "" {
		return ""
	}
	value := d.Value().Get(path)
	if !value.IsNumber() {
		return value.Text()
	}
	if _, whole := digits(string(value.Raw()), maxDigits); !whole {
		return ""
	}
	return string(value.Raw())
}

// maxDigits is the most that a whole number of 64 bits has.
const maxDigits = 19
