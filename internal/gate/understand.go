package gate

import (
	"context"
	"errors"
	"net/http"

	"github.com/hookgate/hookgate/internal/document"
	"github.com/hookgate/hookgate/internal/match"
	"github.com/hookgate/hookgate/internal/provider"
)

// content is what an authenticated request says.
type content struct {
	provider *provider.Provider
	message  provider.Message
	payload  *document.Document
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
	v.content.payload = &v.document
	if field := p.FormField(); field != "" && provider.IsForm(v.r.Header) {
		payload, ok := provider.FormValue(v.body, field)
		if !ok {
			return v.refuse(badForm, "form")
		}
		v.payload, v.content.form = payload, true
		v.content.payload = document.New(payload)
	}
	message, err := p.Read(v.r.Header, v.content.payload)
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
	if v.route.filter.MatchAny(v.content.message.Names()) {
		return nil
	}
	if v.route.unread(&v.content.message) != nil {
		return v.refuse(unreadable, "body_unreadable")
	}
	return v.answerFiltered()
}

// checkMatch does so by the integration's expression. One that has no answer
// for the event does not want it; that there was no time for one says nothing
// of the event, so the sender is asked to come again.
func (v *visit) checkMatch() *answer {
	if v.route.expression == nil {
		return nil
	}
	// The sender may have gone by now, and may never send the event again.
	wanted, err := v.route.matches(context.WithoutCancel(v.r.Context()), &v.content.message, v.storedHeader(), v.content.payload)
	switch {
	case errors.Is(err, match.ErrInterrupted):
		return v.refuse(unavailable, "match_interrupted")
	case document.Unreadable(err):
		return v.refuse(unreadable, "body_unreadable")
	}
	var failed *match.Error
	if errors.As(err, &failed) {
		v.seen.Reason = failed.Reason
	}
	if !wanted {
		return v.answerFiltered()
	}
	return nil
}

func (v *visit) answerFiltered() *answer {
	return v.answerJSON(Filtered, http.StatusOK, "filtered", "event", v.content.message.Type)
}
