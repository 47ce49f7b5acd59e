package gate

import (
	"context"
	"errors"
	"net/http"

	"github.com/hookgate/hookgate/internal/jsondoc"
	"github.com/hookgate/hookgate/internal/match"
	"github.com/hookgate/hookgate/internal/sender"
)

// content is what an authenticated request says.
type content struct {
	provider *sender.Provider
	message  sender.Message
	payload  *jsondoc.Document
	// wanted says that the filter wants the event.
	wanted bool
	// form says that the payload came inside a form.
	form bool
}

// understand finds out what the request is about.
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
	// A type or delivery ID is stored, shown and sent on: a secret never is.
	case err != nil || v.route.isSecret(message.Type) || v.route.isSecret(message.DeliveryID):
		return v.refuse(badHeader, "event_header")
	}
	v.seen.EventType, v.seen.DeliveryID = message.Type, message.DeliveryID
	return nil
}

// readMessage finds the event. Where a request may hold many, of which each is held
// against the filter, it takes a turn of the project's.
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

// Wants reports whether the filter wants an event. A ping must be named; without an
// event type nothing is wanted, once there is a filter.
func (r *Route) Wants(m *sender.Message) bool {
	if m.Ping {
		return r.filter.Names(m.Type)
	}
	return r.filter.MatchAny(m.Names())
}

// checkFilter lets requests go on that hold a wanted event. Of the others those
// are answered as pings that hold nothing else.
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
