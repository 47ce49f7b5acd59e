package endpoint

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/textproto"
	"regexp"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"

	"github.com/hookgate/hookgate/module/trigger"
	"github.com/hookgate/hookgate/module/trigger/placeholder"
)

// reserved headers are the gateway's own; neither an operator nor a sender sets
// them. So is every name that begins with X-Webhook-.
var reserved = map[string]bool{
	"Webhook-Id": true, "Webhook-Timestamp": true, "Webhook-Signature": true, "Idempotency-Key": true,
}

const reservedPrefix = "X-Webhook-"

func isReserved(canonical string) bool {
	return reserved[canonical] || strings.HasPrefix(canonical, reservedPrefix)
}

// isPassedOn reports whether the endpoint gets a header field of the sender.
func isPassedOn(canonical string) bool {
	return !isReserved(canonical) && placeholder.CanSet(canonical) && httpguts.ValidHeaderFieldName(canonical)
}

func parseHeaders(configured map[string][]string, expand placeholder.Expand) (placeholder.Header, error) {
	for name := range configured {
		if canonical := textproto.CanonicalMIMEHeaderKey(name); isReserved(canonical) {
			return nil, fmt.Errorf("the header %s cannot be set", canonical)
		}
	}
	return placeholder.ParseHeader(configured, expand)
}

// idempotencyKey is not in canonical form, so that net/http does not see it:
// it would take the header as leave to send the request again by itself when a
// connection breaks, and an attempt is one request.
const idempotencyKey = "idempotency-key"

// setHeaders writes the request's headers. The later ones win: the sender's,
// the operator's, the project's token, the gateway's own.
func (e *Endpoint) setHeaders(h http.Header, attempt *trigger.Attempt, body []byte, now time.Time) error {
	event := attempt.Event
	h.Set("User-Agent", "Hookgate")
	for name, lines := range event.Header {
		name = textproto.CanonicalMIMEHeaderKey(name)
		if isPassedOn(name) {
			h[name] = lines
		}
	}
	if !isTraceparent(h.Get("Traceparent")) {
		h.Set("Traceparent", traceparent(attempt))
	}
	if e.body != nil {
		h.Set("Content-Type", "application/json")
	}
	if err := e.headers.Set(h, event); err != nil {
		return err
	}
	if token := e.tokens[event.Project]; token != "" {
		h.Set("Authorization", "Bearer "+token)
	}

	timestamp := strconv.FormatInt(now.Unix(), 10)
	h.Set("Webhook-Id", event.ID)
	h[idempotencyKey] = []string{attempt.IdempotencyKey}
	h.Set("Webhook-Timestamp", timestamp)
	if e.signer != nil {
		h.Set("Webhook-Signature", e.signer.sign(event.ID, timestamp, body))
	}
	h.Set("X-Webhook-Id", event.WebhookID)
	h.Set("X-Webhook-Project", event.Project)
	if event.Type != "" {
		h.Set("X-Webhook-Event", event.Type)
	}
	if event.DeliveryID != "" {
		h.Set("X-Webhook-Delivery", event.DeliveryID)
	}
	h.Set("X-Webhook-Attempt", strconv.Itoa(attempt.Number))

	for _, lines := range h {
		for _, line := range lines {
			if !httpguts.ValidHeaderFieldValue(line) {
				return errHeader
			}
		}
	}
	return nil
}

var errHeader = errors.New("a value for a header has a control character")

var traceparentForm = regexp.MustCompile(`^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$`)

// isTraceparent reports whether a trace can go on from there: neither ID may be
// all zeros, and ff is not a version (W3C Trace Context, 3.2.2).
func isTraceparent(text string) bool {
	return traceparentForm.MatchString(text) && text[:2] != "ff" &&
		strings.Trim(text[3:35], "0") != "" && strings.Trim(text[36:52], "0") != ""
}

// traceparent returns one for events that brought none (W3C Trace Context):
// all attempts of an event share the trace.
func traceparent(attempt *trigger.Attempt) string {
	trace := sha256.Sum256([]byte(attempt.Event.ID))
	span := sha256.Sum256([]byte(attempt.Event.ID + "/" + strconv.Itoa(attempt.Number)))
	return "00-" + hex.EncodeToString(trace[:16]) + "-" + hex.EncodeToString(span[:8]) + "-00"
}
