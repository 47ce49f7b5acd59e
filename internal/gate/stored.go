package gate

import (
	"context"
	"errors"
	"net/http"

	"github.com/hookgate/hookgate/internal/document"
	"github.com/hookgate/hookgate/internal/match"
	"github.com/hookgate/hookgate/internal/provider"
	"github.com/hookgate/hookgate/module/storage"
)

// Judgement says whether an event is wanted, and if not, why.
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
	message, err := r.senderOf(event).Read(event.Header, document.New(event.Body))
	switch {
	case err != nil:
		return Judgement{Reason: "event_header"}
	case message.Ping && !r.filter.Names(message.Type):
		return Judgement{Reason: "ping"}
	case !r.filter.MatchAny(message.Names()):
		return Judgement{Reason: "event_filter"}
	}
	wanted, err := r.matches(ctx, &message, event.Header, event.Body)
	var failed *match.Error
	switch {
	case errors.As(err, &failed):
		return Judgement{Reason: failed.Reason, Detail: failed.Detail()}
	case err != nil:
		return Judgement{Reason: "match_interrupted"}
	case !wanted:
		return Judgement{Reason: "match"}
	}
	return Judgement{Wanted: true}
}

// matches says whether the integration's expression wants an event that has come
// or is stored.
func (r *Route) matches(ctx context.Context, message *provider.Message, header http.Header, payload []byte) (bool, error) {
	return r.expression.Match(ctx, &match.Event{
		Header:     header,
		Type:       message.Type,
		Action:     message.Action(),
		DeliveryID: message.DeliveryID,
		WebhookID:  r.Integration.WebhookID,
		Project:    r.Integration.Project,
		Payload:    payload,
	})
}

// senderOf returns the provider that a stored event came by: the integration
// may have had another one then.
func (r *Route) senderOf(event *storage.Event) *provider.Provider {
	if r.provider != nil && r.provider.Name() == event.Provider {
		return r.provider
	}
	if p, found := provider.Lookup(event.Provider); found {
		return p
	}
	return provider.Guess(event.Header)
}
