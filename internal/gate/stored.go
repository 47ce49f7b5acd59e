package gate

import (
	"context"
	"errors"
	"net/http"

	"github.com/hookgate/hookgate/internal/jsondoc"
	"github.com/hookgate/hookgate/internal/match"
	"github.com/hookgate/hookgate/internal/sender"
	"github.com/hookgate/hookgate/module/storage"
)

// Judgement is whether an event is wanted, and if not, why.
type Judgement struct {
	Wanted bool
	// Reason is "" for a wanted event, and otherwise ping, event_filter, match, or
	// why there is no answer.
	Reason string
	// Detail explains the reason, and may contain parts of the payload.
	Detail string
}

// Judge returns what would happen to a stored event if it arrived now.
func (r *Route) Judge(ctx context.Context, event *storage.Event) Judgement {
	var message sender.Message
	payload := jsondoc.New(event.Body)
	wanted, err := message.Read(r.senderOf(event), event.Header, payload, nil, r)
	switch {
	case errors.Is(err, sender.ErrEvents):
		return Judgement{Reason: "too_many_events"}
	case err != nil:
		return Judgement{Reason: "event_header"}
	case !wanted && message.Ping:
		return Judgement{Reason: "ping"}
	case !wanted:
		if err := r.unread(&message); err != nil {
			return Judgement{Reason: "body_unreadable", Detail: err.Error()}
		}
		return Judgement{Reason: "event_filter"}
	}
	wanted, err = r.matches(ctx, &message, event.Header, payload)
	var failed *match.Error
	switch {
	case jsondoc.Unreadable(err):
		return Judgement{Reason: "body_unreadable", Detail: err.Error()}
	case errors.As(err, &failed):
		return Judgement{Reason: failed.Reason, Detail: failed.Detail()}
	case errors.Is(err, match.ErrBusy):
		return Judgement{Reason: "match_busy"}
	case err != nil:
		return Judgement{Reason: "match_interrupted"}
	case !wanted:
		return Judgement{Reason: "match"}
	}
	return Judgement{Wanted: true}
}

// unread returns why it is unknown whether the filter wants an event, none of
// whose known names it wants.
func (r *Route) unread(message *sender.Message) error {
	prefix, err := message.Unread()
	if err == nil || !r.filter.MayMatch(prefix) {
		return nil
	}
	return err
}

// matches reports whether the integration's expression wants an event, received
// or stored.
func (r *Route) matches(ctx context.Context, message *sender.Message, header http.Header, payload *jsondoc.Document) (bool, error) {
	return r.expression.Match(ctx, &match.Event{
		Header:    header,
		Names:     message,
		WebhookID: r.Integration.WebhookID,
		Project:   r.Integration.Project,
		Payload:   payload,
	})
}

// senderOf returns the provider that a stored event came from: the integration
// may have had another one then.
func (r *Route) senderOf(event *storage.Event) *sender.Provider {
	if r.provider != nil && r.provider.Name() == event.Provider {
		return r.provider
	}
	if p, found := sender.Lookup(event.Provider); found {
		return p
	}
	return sender.Guess(event.Header)
}
