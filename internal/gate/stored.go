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

// Judgement reports whether an event is wanted, and if not, why.
type Judgement struct {
	Wanted bool
	// Reason is "" for a wanted event, else what stands against it: ping,
	// event_filter, match, or why there is no answer.
	Reason string
	// Detail may say more of the reason, in words that the payload chose.
	Detail string
}

// Judge says what would become of a stored event if it came now.
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

// unread says why it cannot be told whether the filter wants an event, of which no
// name is known that it wants.
func (r *Route) unread(message *sender.Message) error {
	prefix, err := message.Unread()
	if err == nil || !r.filter.MayMatch(prefix) {
		return nil
	}
	return err
}

// matches reports whether the integration's expression wants an event that has come
// or is stored.
func (r *Route) matches(ctx context.Context, message *sender.Message, header http.Header, payload *jsondoc.Document) (bool, error) {
	return r.expression.Match(ctx, &match.Event{
		Header:    header,
		Names:     message,
		WebhookID: r.Integration.WebhookID,
		Project:   r.Integration.Project,
		Payload:   payload,
	})
}

// senderOf returns the provider that a stored event came by: the integration
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
