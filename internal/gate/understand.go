package gate

import (
	"context"
	"errors"
	"net/http"

	"github.com/hookgate/hookgate/internal/jsondoc"
	"github.com/hookgate/hookgate/internal/match"
	"github.com/hookgate/hookgate/internal/sender"
)

// content is the content of an authenticated request.
type content struct {
	provider *sender.Provider
	message  sender.Message
	payload  *jsondoc.Document
	// wanted means that the filter wants the event.
	wanted bool
	// form means that the payload was inside a form.
	form bool
}

// understand determines what the request is about.
func (v *visit) understand() *answer {
	p := v.route.provider
	if p == nil {
		p = sender.Guess(v.r.Header)
	}
	v.content.provider, v.payload = p, v.body
	v.content.payload = &v.document
	if field := p.FormField(); field != "" && sender.IsForm(v.r.Header) {
		payload, ok := sender.FormValue(v.body, field)
		if !ok {
			return v.refuse(badForm, "form")
		}
		v.payload, v.content.form = payload, true
		v.content.payload = jsondoc.New(payload)
	}
	message := &v.content.message
	err := v.readMessage()
	switch {
	case errors.Is(err, match.ErrBusy):
		return v.refuse(matchBusy, "match_busy")
	case errors.Is(err, sender.ErrEvents):
		return v.refuse(tooManyEvents, "too_many_events")
	// A type or delivery ID is stored, shown and passed on: a secret must never
	// be.
	case err != nil || v.route.isSecret(message.Type) || v.route.isSecret(message.DeliveryID):
		return v.refuse(badHeader, "event_header")
	}
	v.seen.EventType, v.seen.DeliveryID = message.Type, message.DeliveryID
	return nil
}

// readMessage finds the event. If a request may contain many, each of which is
// checked against the filter, it takes one of the project's turns.
func (v *visit) readMessage() (err error) {
	if v.route.filter != nil && v.content.provider.Batches() {
		end, err := match.Turn(context.WithoutCancel(v.r.Context()), v.route.Integration.Project, len(v.payload))
		if err != nil {
			return err
		}
		defer end()
	}
	v.content.wanted, err = v.content.message.Read(v.content.provider, v.r.Header, v.content.payload, v.claim(), v.route)
	return err
}

// Wants reports whether the filter wants an event. A ping must be named; an
// event without a type is wanted only if there is no filter.
func (r *Route) Wants(m *sender.Message) bool {
	if m.Ping {
		return r.filter.Names(m.Type)
	}
	return r.filter.MatchAny(m.Names())
}

// checkFilter lets requests continue that contain a wanted event. The others
// are answered as pings if they contain nothing else.
func (v *visit) checkFilter() *answer {
	switch {
	case v.content.wanted:
		return nil
	case v.content.message.Ping:
		return v.answerPong()
	}
	if v.route.unread(&v.content.message) != nil {
		return v.refuse(unreadable, "body_unreadable")
	}
	return v.answerFiltered()
}

func (v *visit) answerPong() *answer {
	return v.answerJSON(Pong, http.StatusOK, "pong", "", "")
}

// checkMatch does the same with the integration's expression. If it has no
// answer for the event, it does not want it; but if there was no time for an
// answer, that says nothing about the event, so the sender is asked to try
// again.
func (v *visit) checkMatch() *answer {
	if v.route.expression == nil {
		return nil
	}
	// The sender may have disconnected by now, and may never send the event again.
	wanted, err := v.route.matches(context.WithoutCancel(v.r.Context()), &v.content.message, v.storedHeader(), v.content.payload)
	switch {
	case errors.Is(err, match.ErrBusy):
		return v.refuse(matchBusy, "match_busy")
	case errors.Is(err, match.ErrInterrupted):
		return v.refuse(unavailable, "match_interrupted")
	case jsondoc.Unreadable(err):
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
