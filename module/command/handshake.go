package command

import (
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	engine "github.com/hookgate/hookgate/internal/integration"

	"github.com/hookgate/hookgate/internal/adminapi"
)

func handshakeCommand() *cobra.Command {
	open := leaf("open PROJECT WEBHOOK_ID", "Opens a window of ten minutes for the sender's secret",
		"  hookgate webhooks handshake open demo my-notion --reveal", cobra.ExactArgs(2), openHandshake)
	open.Flags().Bool("reveal", false, "Wait for the secret and print it, for a sender that wants it pasted into its page")
	show := leaf("show PROJECT WEBHOOK_ID", "Shows what was learned",
		"  hookgate webhooks handshake show demo my-asana", cobra.ExactArgs(2), showHandshake)
	confirm := leaf("confirm PROJECT WEBHOOK_ID FINGERPRINT", "Adds the learned secret to the integration",
		"  hookgate webhooks handshake confirm demo my-asana 5d41c0aa", cobra.ExactArgs(3), confirmHandshake)
	forget := leaf("close PROJECT WEBHOOK_ID", "Closes the window and forgets what was learned",
		"  hookgate webhooks handshake close demo my-asana", cobra.ExactArgs(2), closeHandshake)
	return group("handshake", "Learns a secret chosen by the sender (Asana, Notion)", open, show, confirm, forget)
}

func (c *call) sayHandshake(h *adminapi.Handshake) {
	switch {
	case h.Learned != nil:
		c.say("learned %s at %s from %s", h.Learned.Fingerprint, instant(h.Learned.At), printable(h.Learned.ClientIP))
	case h.State == "open" && h.ExpiresAt != nil:
		c.say("open until %s", instant(*h.ExpiresAt))
	default:
		c.say("%s", printable(h.State))
	}
	if h.Refused != nil {
		c.say("another secret came at %s from %s and was refused", instant(h.Refused.At), printable(h.Refused.ClientIP))
	}
}

// instant formats a time as the admin API does.
func instant(at time.Time) string { return at.Format(time.RFC3339Nano) }

func openHandshake(c *call, args []string) error {
	r := request{method: http.MethodPost, path: integrationPath(args[0], args[1], "handshake")}
	if !c.is("reveal") {
		h, printed, err := ask[adminapi.Handshake](c, r)
		if err == nil && !printed {
			c.sayHandshake(&h)
		}
		return err
	}
	if c.is("json") {
		return errors.New("--reveal cannot be combined with --json")
	}
	key, err := engine.NewRevealKey()
	if err != nil {
		return err
	}
	r.kind = kindJSON
	if r.body, err = json.Marshal(map[string]string{"public_key": key.Public()}); err != nil {
		return err
	}
	h, _, err := ask[adminapi.Handshake](c, r)
	if err != nil {
		return err
	}
	c.sayHandshake(&h)
	if h, err = c.awaitSecret(args); err != nil {
		return err
	}
	secret, err := key.Open(args[1], h.Sealed)
	if err != nil {
		return err
	}
	c.sayHandshake(&h)
	c.say("the secret is %s", printable(secret))
	return nil
}

// awaitSecret polls until the sender has sent its secret.
func (c *call) awaitSecret(args []string) (adminapi.Handshake, error) {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		h, _, err := ask[adminapi.Handshake](c, request{method: http.MethodGet, path: integrationPath(args[0], args[1], "handshake")})
		switch {
		case err != nil:
			return h, err
		case h.State == "learned":
			return h, nil
		case h.State != "open":
			return h, errors.New("the window has closed, and no secret has arrived")
		}
		select {
		case <-c.ctx.Done():
			return h, c.ctx.Err()
		case <-ticker.C:
		}
	}
}

func showHandshake(c *call, args []string) error {
	h, printed, err := ask[adminapi.Handshake](c, request{method: http.MethodGet, path: integrationPath(args[0], args[1], "handshake")})
	if err == nil && !printed {
		c.sayHandshake(&h)
	}
	return err
}

func confirmHandshake(c *call, args []string) error {
	body, err := json.Marshal(map[string]string{"fingerprint": args[2]})
	if err != nil {
		return err
	}
	_, printed, err := ask[integration](c, request{
		method: http.MethodPost, path: integrationPath(args[0], args[1], "handshake", "confirm"), kind: kindJSON, body: body,
	})
	if err == nil && !printed {
		c.say("confirmed: %s now verifies", args[2])
	}
	return err
}

func closeHandshake(c *call, args []string) error {
	if _, err := c.read(request{method: http.MethodDelete, path: integrationPath(args[0], args[1], "handshake")}); err != nil {
		return err
	}
	if !c.is("json") {
		c.say("closed")
	}
	return nil
}
