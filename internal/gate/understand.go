package gate

import (
	"net/http"

	"github.com/hookgate/hookgate/internal/provider"
)

// content is what an authenticated request says.
type content struct {
	provider *provider.Provider
	message  provider.Message
	// form says that the payload came inside a form.
	form bool
}

// understand finds out what the request is about.
func (v *visit) understand() *answer {
	p := v.route.provider
	if p == nil {
		p = provider.Guess(v.r.Header)
	}
	v.content.provider, v.payload = p, v.body
	if field := p.FormField(); field != "" && provider.IsForm(v.r.Header) {
		payload, ok := provider.FormValue(v.body, field)
		if !ok {
			return v.refuse(badForm, "form")
		}
		v.payload, v.content.form = payload, true
	}
	message, err := p.Read(v.r.Header, v.payload)
	// A type or delivery ID is stored, shown and sent on: a secret never is.
	if err != nil || v.route.isSecret(message.Type) || v.route.isSecret(message.DeliveryID) {
		return v.refuse(badHeader, "event_header")
	}
	v.content.message = message
	v.seen.EventType, v.seen.DeliveryID = message.Type, message.DeliveryID
	return nil
}

// answerPing answers the sender's test, unless the filter wants it as an
// event.
func (v *visit) answerPing() *answer {
	if v.content.message.Ping && !v.route.filter.Names(v.content.message.Type) {
		return v.answerJSON(Pong, http.StatusOK, "pong", "", "")
	}
	return nil
}

// checkFilter lets events go on that are wanted. Without an event type
// nothing is, once there is a filter.
func (v *visit) checkFilter() *answer {
	if v.route.filter == nil {
		return nil
	}
	for name := range v.content.message.Names() {
		if v.route.filter.Match(name) {
			return nil
		}
	}
	return v.answerJSON(Filtered, http.StatusOK, "filtered", "event", v.content.message.Type)
}
