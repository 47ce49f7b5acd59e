package admin

import (
	"net/http"
	"time"

	"go.uber.org/zap"

	"github.com/hookgate/hookgate/internal/adminapi"
	"github.com/hookgate/hookgate/internal/integration"
)

func newHandshake(h *integration.Handshake, now time.Time) adminapi.Handshake {
	state := adminapi.Handshake{State: "closed"}
	if h.Open(now) {
		closes := h.ExpiresAt()
		state.State, state.ExpiresAt = "open", &closes
	}
	if h != nil && h.Learned != nil {
		state.State = "learned"
		state.Learned = &adminapi.Learned{Fingerprint: h.Learned.Secret.Fingerprint(), Sighting: adminapi.Sighting{At: h.Learned.At, ClientIP: h.Learned.Client}}
	}
	if h != nil && h.Refused != nil {
		state.Refused = &adminapi.Sighting{At: h.Refused.At, ClientIP: h.Refused.Client}
	}
	return state
}

func (c *call) getHandshake() error {
	in, err := c.Service.Get(c.r.Context(), c.View, c.project, c.webhookID)
	if err != nil {
		return err
	}
	return c.showHandshake(http.StatusOK, in)
}

// openHandshake opens the window for a sender's secret.
func (c *call) openHandshake() error {
	var text []byte
	if c.r.ContentLength != 0 {
		var err error
		if text, err = c.body(); err != nil {
			return err
		}
	}
	in, opened, err := c.Service.OpenHandshake(c.r.Context(), c.View, c.project, c.webhookID, text, c.precondition())
	if err != nil {
		return err
	}
	c.audit("the window for a sender's secret is open", zap.Time("until", in.Handshake.ExpiresAt()))
	status := http.StatusOK
	if opened {
		status = http.StatusCreated
	}
	return c.showHandshake(status, in)
}

// closeHandshake closes it, and forgets what was learned.
func (c *call) closeHandshake() error {
	if _, err := c.Service.CloseHandshake(c.r.Context(), c.View, c.project, c.webhookID, c.precondition()); err != nil {
		return err
	}
	c.audit("the window for a sender's secret is closed")
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

// confirmHandshake adds the learned secret.
func (c *call) confirmHandshake() error {
	text, err := c.body()
	if err != nil {
		return err
	}
	in, err := c.Service.ConfirmHandshake(c.r.Context(), c.View, c.project, c.webhookID, text, c.precondition())
	if err != nil {
		return err
	}
	c.audit("a sender's secret is confirmed")
	c.show(http.StatusOK, in)
	return nil
}

func (c *call) showHandshake(status int, in *integration.Integration) error {
	state := newHandshake(in.Handshake, time.Now())
	var err error
	if state.Sealed, err = in.Reveal(); err != nil {
		return err
	}
	c.w.Header().Set("ETag", in.ETag())
	c.answer(status, state)
	return nil
}

// audit logs who may call from now on.
func (c *call) audit(what string, fields ...zap.Field) {
	c.Logger.Info(what, append(fields, zap.String("project", c.project), zap.String("webhook_id", c.webhookID),
		zap.String("remote", c.r.RemoteAddr))...)
}
