package sender

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"unsafe"

	"github.com/hookgate/hookgate/internal/jsondoc"
	"github.com/hookgate/hookgate/internal/syntax"
	"github.com/hookgate/hookgate/module/provider"
)

// maxName bounds event types and delivery IDs, in bytes.
const maxName = 255

// MaxEvents bounds how many events of one request are examined.
const MaxEvents = 10_000

// The ways in which a request can be invalid.
var (
	// ErrHeader means that an event or delivery header is repeated, or is not 1 to
	// 255 bytes of printable ASCII.
	ErrHeader = errors.New("an event or delivery header is invalid")

	// ErrEvents means that a request contains more than MaxEvents events, and none
	// of the first MaxEvents is wanted.
	ErrEvents = fmt.Errorf("a request contains more than %d events", MaxEvents)
)

// Message is an event as the sender describes it in an authenticated request.
type Message struct {
	// Type is the sender's event type, or "".
	Type string
	// DeliveryID is the sender's own ID of the event, or "".
	DeliveryID string
	// Ping means that the sender only tests the connection, or that the message is
	// about the subscription.
	Ping bool

	provider *Provider
	claim    *Claim
	header   http.Header
	payload  *jsondoc.Document
	// entries are the list entries that contain the event.
	entries [provider.MaxLists]jsondoc.Value
	depth   int
	// shared are the values outside of the innermost list: they are the same for
	// all events there, and may follow them.
	shared []sharedName
	// lines means that the body is not JSON, but each of its lines is.
	lines bool
	// typeIn and deliveryIn are the places that hold type and delivery ID.
	typeIn, deliveryIn *eventPlace
	// numbered means that the delivery ID is signed, and belongs to a single
	// event.
	numbered bool
}

// Wanting decides whether an event is wanted.
type Wanting interface{ Wants(m *Message) bool }

// Read finds the event of a request: of several, the first that is wanted, or
// else the first that is not a ping. For a form, the payload is the JSON inside
// it. claim is the request's valid credential of this provider, or nil.
func (m *Message) Read(p *Provider, header http.Header, payload *jsondoc.Document, claim *Claim, by Wanting) (wanted bool, err error) {
	*m = Message{provider: p, claim: claim, header: header, payload: payload}
	if len(p.lists) > 0 {
		return m.readSeveral(by)
	}
	if err := m.find(); err != nil {
		return false, err
	}
	return by.Wants(m), nil
}

// readSeveral is Read for a request that may contain more than one event.
func (m *Message) readSeveral(by Wanting) (wanted bool, err error) {
	var first Message
	count := 0
	m.each(func() bool {
		if count++; count > MaxEvents {
			err = ErrEvents
			return false
		}
		if err = m.find(); err != nil {
			return false
		}
		if wanted = by.Wants(m); wanted {
			return false
		}
		if count == 1 || first.Ping && !m.Ping {
			first = *m
		}
		return true
	})
	switch {
	case err != nil:
		return false, err
	case !wanted:
		first.lines = m.lines
		*m = first
	}
	return wanted, nil
}

// each iterates over the events of the request.
func (m *Message) each(event func() bool) bool {
	if m.depth == len(m.provider.lists) {
		return event()
	}
	entries, before := get(m.base(m.depth), m.provider.lists[m.depth]).Entries(), m.depth
	if before == 0 && m.provider.lines && m.payload.Err() != nil {
		entries = m.eachLine
	}
	found := false
	for entry := range entries {
		found = true
		m.entries[before], m.depth = entry, before+1
		if !m.each(event) {
			return false
		}
	}
	m.depth = before
	return found || event()
}

// eachLine yields the values of JSON Lines, up to the first malformed line.
func (m *Message) eachLine(yield func(jsondoc.Value) bool) {
	m.lines = true
	for line := range bytes.Lines(m.payload.Payload()) {
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		one := jsondoc.New(line)
		if m.lines = one.Err() == nil; !m.lines || !yield(one.Value()) {
			return
		}
	}
}

// base returns the value at which a path through that many lists begins.
func (m *Message) base(lists int) jsondoc.Value {
	if lists == 0 {
		return m.payload.Value()
	}
	return m.entries[lists-1]
}

// find reads the event's type and delivery ID.
func (m *Message) find() (err error) {
	if m.Type, m.typeIn, _, err = m.first(m.provider.event, nil); err != nil {
		return err
	}
	var numbers []bool
	if m.claim.Present() {
		numbers = m.claim.scheme.numbers
	}
	if m.DeliveryID, m.deliveryIn, m.numbered, err = m.first(m.provider.delivery, numbers); err != nil {
		return err
	}
	m.Ping = slices.Contains(m.provider.pings, m.Type) || m.Type == "" && m.isEmpty()
	return nil
}

// isEmpty reports whether the request has a list of events that is empty.
func (m *Message) isEmpty() bool {
	return m.depth == 0 && len(m.provider.lists) > 0 && isEmptyList(get(m.base(0), m.provider.lists[0]))
}

// first returns the value at the first place that has one, and checks the
// headers of all. Places marked in better are preferred.
func (m *Message) first(places []eventPlace, better []bool) (found string, in *eventPlace, best bool, err error) {
	for i := range places {
		at, value := &places[i], ""
		preferred := better != nil && better[i] && !best
		if at.header == "" {
			if found == "" || preferred {
				value = m.name(&at.path)
			}
		} else if values := m.header[at.header]; len(values) > 1 || len(values) == 1 && !isName(values[0]) {
			return "", nil, false, fmt.Errorf("reading %s: %w", at.header, ErrHeader)
		} else if len(values) == 1 {
			value = values[0]
		}
		if value != "" && (found == "" || preferred) {
			found, in, best = value, at, preferred
		}
	}
	return found, in, best, nil
}

// Names yields the names by which a filter may want the event: the type, the
// kinds, and each of them with the action. The body is only read if the type is
// not enough.
func (m *Message) Names() iter.Seq[string] {
	return func(yield func(string) bool) {
		if m.Type == "" || !yield(m.Type) {
			return
		}
		names := []string{m.Type}
		for i := range m.provider.kinds {
			if kind := m.name(&m.provider.kinds[i]); kind != "" && kind != m.Type {
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

// Action returns what happened to the subject of the event, such as opened; ""
// if the sender does not say.
func (m *Message) Action() string {
	for i := range m.provider.actions {
		if action := m.name(&m.provider.actions[i]); action != "" {
			return action
		}
	}
	return ""
}

// name returns the string or whole number at the path, or "" if there is none
// or it could not be a header value.
func (m *Message) name(at *eventPath) string {
	if at.lists > m.depth {
		return ""
	}
	base := m.base(at.lists)
	if at.lists == m.depth {
		return nameOf(get(base, at.rest))
	}
	i := slices.IndexFunc(m.shared, func(s sharedName) bool { return s.at == at })
	if i < 0 {
		i = len(m.shared)
		m.shared = append(m.shared, sharedName{at: at})
	}
	if s := &m.shared[i]; s.base != unsafe.SliceData(base.Raw()) {
		s.base, s.text = unsafe.SliceData(base.Raw()), nameOf(get(base, at.rest))
	}
	return m.shared[i].text
}

// sharedName is the value at a path that begins at a base.
type sharedName struct {
	at   *eventPath
	base *byte // where it begins
	text string
}

func nameOf(value jsondoc.Value) string {
	if text := textOf(value); isName(text) {
		return text
	}
	return ""
}

// isName reports whether the text can be an event type or a delivery ID.
func isName(text string) bool {
	return text != "" && len(text) <= maxName && syntax.IsPrintable(text)
}

// get returns the value at a path, which may be empty.
func get(from jsondoc.Value, path string) jsondoc.Value {
	if path == "" {
		return from
	}
	return from.Get(path)
}

// textAt returns the string or whole number at the path as text.
func textAt(d *jsondoc.Document, path string) string { return textOf(d.Value().Get(path)) }

func textOf(value jsondoc.Value) string {
	if !value.IsNumber() {
		return value.Text()
	}
	if _, whole := digits(string(value.Raw()), maxDigits); !whole {
		return ""
	}
	return string(value.Raw())
}

// maxDigits is the maximum length of a 64-bit integer.
const maxDigits = 19
