package endpoint

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/textproto"
	"regexp"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"

	"github.com/hookgate/hookgate/internal/syntax"
	"github.com/hookgate/hookgate/module/trigger"
)

// headers are the operator's, by canonical name.
type headers map[string][]template

// reserved headers are the gateway's own or the connection's; an operator
// cannot set them. So is every name that begins with X-Webhook-.
var reserved = map[string]bool{
	"Webhook-Id": true, "Webhook-Timestamp": true, "Webhook-Signature": true, "Idempotency-Key": true,
	"Host": true, "Content-Length": true, "Expect": true, "Proxy-Connection": true,
}

const reservedPrefix = "X-Webhook-"

func isReserved(name string) bool {
	return reserved[name] || strings.HasPrefix(name, reservedPrefix) || syntax.IsConnectionHeader(name)
}

func parseHeaders(configured map[string][]string, expand expander) (headers, error) {
	parsed := make(headers, len(configured))
	for name, lines := range configured {
		canonical := textproto.CanonicalMIMEHeaderKey(name)
		switch {
		case !httpguts.ValidHeaderFieldName(name):
			return nil, fmt.Errorf("%q is no header name", name)
		case isReserved(canonical):
			return nil, fmt.Errorf("the header %s cannot be set", canonical)
		case parsed[canonical] != nil:
			return nil, fmt.Errorf("the header %s is set twice", canonical)
		case len(lines) == 0:
			return nil, fmt.Errorf("the header %s has no value", canonical)
		}
		for _, line := range lines {
			value, err := parse(line, expand)
			if err != nil {
				return nil, fmt.Errorf("reading the value of the header %s: %w", canonical, err)
			}
			for _, p := range value {
				if hasControl(p.text) {
					return nil, fmt.Errorf("the value of the header %s has a control character", canonical)
				}
			}
			parsed[canonical] = append(parsed[canonical], value)
		}
	}
	return parsed, nil
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
		if !isReserved(name) && httpguts.ValidHeaderFieldName(name) {
			h[name] = lines
		}
	}
	if !isTraceparent(h.Get("Traceparent")) {
		h.Set("Traceparent", traceparent(attempt))
	}
	if e.body != nil {
		h.Set("Content-Type", "application/json")
	}
	for name, lines := range e.headers {
		delete(h, name)
		for _, line := range lines {
			value, err := line.render(event, escapeHeader)
			if err != nil {
				return err
			}
			h[name] = append(h[name], value)
		}
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

var traceparentForm = regexp.MustCompile(`^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$`)

// isTraceparent says whether a trace can go on from there: neither ID may be
// all zero, and ff is no version (W3C Trace Context, 3.2.2).
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
