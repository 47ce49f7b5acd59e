package integration

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/hookgate/hookgate/internal/credential"
	"github.com/hookgate/hookgate/internal/form"
	"github.com/hookgate/hookgate/internal/wire"
	"github.com/hookgate/hookgate/module/storage"
)

// HandshakeWindow is how long a sender may bring its own secret, from when an
// admin has allowed it.
const HandshakeWindow = 10 * time.Minute

// Conflict is why a call for a handshake has to be made otherwise, for the person
// who made it to read.
type Conflict string

func (c Conflict) Error() string { return string(c) }

// The conflicts.
const (
	ErrNoHandshake Conflict = "this provider's sender does not choose its secret: set authentication.signature.secrets"
	ErrDeclared    Conflict = "this integration is declared in the configuration, and only that has its secrets: " +
		"create one through the admin API, which can learn the sender's secret"
	ErrDisabled    Conflict = "the integration is disabled: its URL does not answer handshakes"
	ErrNoRoom      Conflict = "the integration already has the maximum number of secrets: remove one first"
	ErrLearned     Conflict = "a secret has already been learned: confirm it, or close the window first"
	ErrNotLearned  Conflict = "no secret has been learned"
	ErrFingerprint Conflict = "the secret that has been learned has another fingerprint"
)

// Handshake is a window in which a sender may bring its own secret. What came
// then verifies nothing until an admin has confirmed it, however late. Times are
// kept to the second.
type Handshake struct {
	OpenedAt time.Time
	// Reader is the public key to which the learned secret is sealed, "" for none.
	Reader string
	// Learned is the one secret that came, nil as long as none did.
	Learned *Learned
	// Refused is when another one came first, nil if none did.
	Refused *Sighting
}

// Learned is a secret that a sender has brought.
type Learned struct {
	Secret credential.Secret
	Sighting
}

// Sighting is when a secret came, and from which client address, "" where that
// is not known.
type Sighting struct {
	At     time.Time
	Client string
}

// ExpiresAt is when the window closes.
func (h *Handshake) ExpiresAt() time.Time { return h.OpenedAt.Add(HandshakeWindow) }

// Open reports whether a secret may be brought now. A clock that has been set back
// closes the window.
func (h *Handshake) Open(now time.Time) bool {
	return h != nil && !now.Before(h.OpenedAt) && now.Before(h.ExpiresAt())
}

// OpenHandshake opens the window, or starts it again. text is nil, or
// `{"public_key": "…"}` to seal what is learned to. opened is false when it was
// open before.
func (s *Service) OpenHandshake(ctx context.Context, view View, project, webhookID string, text []byte, condition Precondition) (in *Integration, opened bool, err error) {
	key := ""
	if text != nil {
		document, err := form.Decode(text)
		if err != nil {
			return nil, false, err
		}
		f := form.New(document, form.Options{})
		key = reader(f)
		f.End()
		if err := f.Err(); err != nil {
			return nil, false, err
		}
	}
	in, err = s.changeHandshake(ctx, view, project, webhookID, condition, func(next *Integration) error {
		signature := next.Authentication.Credentials.Signature()
		switch {
		case !view.Rules.facts(&next.Authentication).Learns:
			return ErrNoHandshake
		case !next.IsEnabled:
			return ErrDisabled
		case len(signature.Secrets) >= credential.MaxSecrets:
			return ErrNoRoom
		case next.Handshake != nil && next.Handshake.Learned != nil:
			return ErrLearned
		}
		opened = !next.Handshake.Open(s.now())
		next.Handshake = &Handshake{OpenedAt: s.second(), Reader: key}
		return nil
	})
	return in, opened, err
}

// CloseHandshake closes the window and forgets what was learned.
func (s *Service) CloseHandshake(ctx context.Context, view View, project, webhookID string, condition Precondition) (*Integration, error) {
	return s.changeHandshake(ctx, view, project, webhookID, condition, func(next *Integration) error {
		next.Handshake = nil
		return nil
	})
}

// ConfirmHandshake makes the secret that was learned one of the signature's, if
// it is the one with the fingerprint, and closes the window. text is
// `{"fingerprint": "…"}`.
func (s *Service) ConfirmHandshake(ctx context.Context, view View, project, webhookID string, text []byte, condition Precondition) (*Integration, error) {
	document, err := form.Decode(text)
	if err != nil {
		return nil, err
	}
	f := form.New(document, form.Options{})
	fingerprint := f.Text("fingerprint", "")
	if fingerprint == "" {
		f.Refuse("fingerprint", form.Required, "must be the fingerprint of the learned secret")
	}
	f.End()
	if err := f.Err(); err != nil {
		return nil, err
	}
	return s.changeHandshake(ctx, view, project, webhookID, condition, func(next *Integration) error {
		if next.Handshake == nil || next.Handshake.Learned == nil {
			return ErrNotLearned
		}
		learned := next.Handshake.Learned.Secret
		if fingerprint != learned.Fingerprint() {
			return ErrFingerprint
		}
		signature := *next.Authentication.Credentials.Signature()
		if !slices.ContainsFunc(signature.Secrets, learned.Equal) {
			if len(signature.Secrets) >= credential.MaxSecrets {
				return ErrNoRoom
			}
			signature.Secrets = append(slices.Clip(signature.Secrets), learned)
		}
		next.Authentication.Credentials, next.Handshake = next.Authentication.Credentials.With(&signature), nil
		next.UpdatedAt = s.after(next.UpdatedAt)
		return nil
	})
}

// changeHandshake changes a copy of the integration.
func (s *Service) changeHandshake(ctx context.Context, view View, project, webhookID string, condition Precondition, change func(next *Integration) error) (*Integration, error) {
	defer s.turn(webhookID)()
	return s.change(ctx, func() (*Integration, storage.Integration, error) {
		current, record, err := s.own(ctx, view, project, webhookID, condition)
		if errors.Is(err, ErrReadOnly) {
			err = ErrDeclared
		}
		if err != nil {
			return nil, record, err
		}
		next := *current
		return &next, record, change(&next)
	})
}

// errUnchanged ends a change that has nothing to write.
var errUnchanged = errors.New("nothing has changed")

// Learn keeps a secret that a sender has brought to an integration, on disk
// before it returns, and reports whether it is the one that was learned: a window
// learns one. client is the sender's address.
func (s *Service) Learn(ctx context.Context, in *Integration, secret, client string) (learned bool, err error) {
	defer s.turn(in.WebhookID)()
	_, err = s.change(ctx, func() (*Integration, storage.Integration, error) {
		learned = false
		current, record, err := s.find(ctx, View{}, in.WebhookID)
		if err != nil {
			return nil, record, err
		}
		if current == nil || current.Identity != in.Identity || !current.Handshake.Open(s.now()) {
			return nil, record, errUnchanged
		}
		next, window := *current, *current.Handshake
		seen := Sighting{s.second(), client}
		switch {
		case window.Learned == nil:
			window.Learned, learned = &Learned{credential.NewSecret(secret), seen}, true
		case window.Learned.Secret.Is(secret):
			learned = true // and written again if the first write has failed
		case window.Refused != nil:
			return nil, record, errUnchanged
		default:
			window.Refused = &seen
		}
		next.Handshake = &window
		return &next, record, nil
	})
	if errors.Is(err, errUnchanged) {
		err = nil
	}
	return learned && err == nil, err
}

// keepHandshake lets a window outlive a change of the integration, unless
// another sender's secret would be learned in it.
func keepHandshake(next, current *Integration) {
	before, after := current.Authentication.Credentials.Signature(), next.Authentication.Credentials.Signature()
	if before != nil && after != nil && before.SameSender(after) {
		next.Handshake = current.Handshake
	}
}

// after is the time now, and never before an earlier one.
func (s *Service) after(earlier time.Time) time.Time {
	if now := s.second(); now.After(earlier) {
		return now
	}
	return earlier
}

// appendHandshake writes what has not come as empty, at the beginning of 1970.
func appendHandshake(raw []byte, h *Handshake) []byte {
	sighting := func(seen Sighting) {
		raw = wire.AppendStrings(wire.AppendSeconds(raw, seen.At), seen.Client)
	}
	nothing := Sighting{At: time.Unix(0, 0)}
	raw = wire.AppendStrings(wire.AppendSeconds(raw, h.OpenedAt), h.Reader)
	if h.Learned != nil {
		raw = credential.AppendSecret(raw, h.Learned.Secret)
		sighting(h.Learned.Sighting)
	} else {
		raw = credential.AppendSecret(raw, credential.Secret{})
		sighting(nothing)
	}
	if h.Refused != nil {
		sighting(*h.Refused)
	} else {
		sighting(nothing)
	}
	return raw
}

// readHandshake reads what appendHandshake has written.
func readHandshake(r *wire.StringDecoder) *Handshake {
	h := &Handshake{OpenedAt: r.Seconds(), Reader: r.String()}
	learned := Learned{Secret: credential.ReadSecret(r), Sighting: Sighting{r.Seconds(), r.String()}}
	if learned.Secret.Reveal() != "" {
		h.Learned = &learned
	}
	refused := Sighting{r.Seconds(), r.String()}
	if refused.At.Unix() != 0 {
		h.Refused = &refused
	}
	return h
}
