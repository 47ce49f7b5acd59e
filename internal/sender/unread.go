package sender

import "slices"

// A body that says nothing and an unreadable body are two different answers.
// The methods here return the error of an unreadable body if the sender would
// put the requested value there.

// EventType is Type.
func (m *Message) EventType() (string, error) {
	return m.said(m.Type, inBody(m.provider.event))
}

// EventAction is Action.
func (m *Message) EventAction() (string, error) {
	return m.said(m.Action(), len(m.provider.actions) > 0)
}

// EventDelivery is DeliveryID.
func (m *Message) EventDelivery() (string, error) {
	return m.said(m.DeliveryID, inBody(m.provider.delivery))
}

// Unread returns why Names may lack some names with the prefix, or "" for any.
func (m *Message) Unread() (prefix string, err error) {
	switch {
	case m.Type == "" || len(m.provider.kinds) > 0 || m.provider.lines:
		_, err = m.said("", inBody(m.provider.event) || len(m.provider.kinds) > 0)
	case len(m.provider.actions) > 0:
		prefix = m.Type + "."
		_, err = m.EventAction()
	}
	return prefix, err
}

func (m *Message) said(text string, inBody bool) (string, error) {
	if text != "" || !inBody {
		return text, nil
	}
	if m.lines {
		return "", nil
	}
	return "", m.payload.Err()
}

func inBody(places []eventPlace) bool {
	return slices.ContainsFunc(places, func(at eventPlace) bool { return at.header == "" })
}
