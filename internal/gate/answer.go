package gate

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/hookgate/hookgate/module/storage"
)

// Outcome is a one-word result of a request. There are few, so that they can
// label a metric.
type Outcome string

// The outcomes.
const (
	Accepted            Outcome = "accepted"
	Duplicate           Outcome = "duplicate"
	Requeued            Outcome = "requeued"
	Filtered            Outcome = "filtered"
	Pong                Outcome = "pong"
	Handshake           Outcome = "handshake"
	Passed              Outcome = "passed"
	NotFound            Outcome = "not_found"
	Unauthorized        Outcome = "unauthorized"
	MethodNotAllowed    Outcome = "method_not_allowed"
	TooEarly            Outcome = "too_early"
	TooLarge            Outcome = "too_large"
	TooSlow             Outcome = "too_slow"
	Invalid             Outcome = "invalid"
	UnsupportedEncoding Outcome = "unsupported_encoding"
	Unavailable         Outcome = "unavailable"
)

// answer is the answer to a request. A prepared one is immutable, and so are
// the values of its headers, which many answers share.
type answer struct {
	outcome Outcome
	status  int
	kind    []string
	// name and value are one more header, if the name is set.
	name  string
	value []string
	// more are further headers; once sent, they are removed if they repeat a
	// secret.
	more   http.Header
	forget bool
	body   []byte
	// length is that of a prepared body; net/http determines that of others.
	length []string
}

// The media types of the answers.
var (
	problemJSON = []string{"application/problem+json"}
	plainJSON   = []string{"application/json"}
)

// The refusals: each always has the same bytes, whatever the reason.
var (
	methodNotAllowed = problem(MethodNotAllowed, http.StatusMethodNotAllowed,
		"This address accepts only POST requests.", "Allow", "POST")
	notFound = problem(NotFound, http.StatusNotFound,
		"No webhook exists at this address.", "", "")
	tooEarly = problem(TooEarly, http.StatusTooEarly,
		"The request arrived as early data; send it again after the handshake.", "", "")
	tooLarge = problem(TooLarge, http.StatusRequestEntityTooLarge,
		"The body is too large.", "", "")
	unauthorized = problem(Unauthorized, http.StatusUnauthorized,
		"The credentials are missing or not valid.", "Www-Authenticate", "Webhook")
	tooSlow = problem(TooSlow, http.StatusRequestTimeout,
		"The body did not arrive in time.", "", "")
	uploadEnded = problem(TooSlow, http.StatusRequestTimeout,
		"The body arrived more slowly than others, and there was not enough room for all.", "", "")
	unsupportedEncoding = problem(UnsupportedEncoding, http.StatusUnsupportedMediaType,
		"The body must not have a content encoding.", "Accept-Encoding", "identity")
	badBody = problem(Invalid, http.StatusBadRequest,
		"The body could not be read.", "", "")
	unreadable = problem(Invalid, http.StatusBadRequest,
		"The body cannot be read as JSON.", "", "")
	badForm = problem(Invalid, http.StatusBadRequest,
		"The form has no payload.", "", "")
	badHandshake = problem(Invalid, http.StatusBadRequest,
		"The request concerns the subscription and cannot be answered.", "", "")
	badHeader = problem(Invalid, http.StatusBadRequest,
		"An event or delivery header is not valid.", "", "")
	tooManyEvents = problem(Invalid, http.StatusBadRequest,
		"The request contains too many events.", "", "")
	unavailable = lack("The event cannot be accepted now; send it again later.", "10")
)

// The answers for lack of something, each with its Retry-After in seconds: an
// upload ends soon, a disk or a backlog takes longer.
var (
	storeUnavailable = lack("The event cannot be stored now: the disk is full or failing.", "10")
	noKeys           = lack("The credentials cannot be checked now; send the event again later.", "30")
	unconfirmed      = lack("The subscription cannot be confirmed now.", "30")
	matchBusy        = lack("Too many events of this integration's project are being evaluated.", "5")
	noTrigger        = lack("No trigger is configured for the events of this integration.", "60")

	// in flight, by who holds too many bytes
	flightFull            = lack("Too many bytes of requests are being received.", "5")
	unprovenFlightFull    = lack("Too many bytes of unauthenticated requests are being received.", "5")
	integrationFlightFull = lack("Too many bytes of requests are being received for this integration.", "5")
	clientFlightFull      = lack("Too many bytes of requests are being received from this address.", "5")

	// stored, by the limit's name
	limited = map[string]*answer{
		storage.LimitDisk:               lack("The disk space for events is used up.", "60"),
		storage.LimitBacklog:            lack("The backlog of events is full.", "60"),
		storage.LimitIntegrationBacklog: lack("The backlog of this integration is full.", "60"),
		storage.LimitIntegrationDisk:    lack("The disk space for events of this integration is used up.", "60"),
		storage.LimitIntegrationEvents:  lack("This integration has reached its limit of events.", "60"),
		storage.LimitProjectBacklog:     lack("The backlog of this integration's project is full.", "60"),
		storage.LimitProjectDisk:        lack("The disk space for events of this integration's project is used up.", "60"),
	}
)

// lack prepares a 503.
func lack(detail, retryAfter string) *answer {
	return problem(Unavailable, http.StatusServiceUnavailable, detail, "Retry-After", retryAfter)
}

// problem prepares a problem document (RFC 9457). The name of the header is a
// canonical one.
func problem(outcome Outcome, status int, detail, name, value string) *answer {
	body, err := json.Marshal(struct {
		Type   string `json:"type"`
		Title  string `json:"title"`
		Status int    `json:"status"`
		Detail string `json:"detail"`
	}{"about:blank", http.StatusText(status), status, detail})
	if err != nil {
		panic(err) // three strings and a number can be written
	}
	return &answer{
		outcome: outcome, status: status, kind: problemJSON, name: name, value: []string{value},
		body: body, length: []string{strconv.Itoa(len(body))},
	}
}

// refuse records why the answer is given.
func (v *visit) refuse(a *answer, reason string) *answer {
	v.seen.Reason = reason
	return a
}

// answerJSON answers with a status and, if it has a name, one more member. The
// value is printable ASCII, for which Go's quoting is valid JSON. A sender that
// expects no body gets none.
func (v *visit) answerJSON(outcome Outcome, code int, status, name, value string) *answer {
	if p := v.route.provider; p != nil && p.Status() == http.StatusNoContent {
		v.reply = answer{outcome: outcome, status: http.StatusNoContent}
		return &v.reply
	}
	body := append(v.text[:0], `{"status":"`...)
	body = append(body, status...)
	if name != "" {
		body = append(body, `","`...)
		body = append(body, name...)
		body = append(body, `":`...)
		body = strconv.AppendQuote(body, value)
	} else {
		body = append(body, '"')
	}
	v.reply = answer{outcome: outcome, status: code, kind: plainJSON, body: append(body, '}')}
	return &v.reply
}

func (v *visit) write(a *answer) {
	v.seen.Outcome, v.seen.StatusCode = a.outcome, a.status
	header := v.w.Header()
	if a.kind != nil {
		header["Content-Type"] = a.kind
	}
	if a.name != "" {
		header[a.name] = a.value
	}
	if a.length != nil {
		header["Content-Length"] = a.length
	}
	for name, values := range a.more {
		header[name] = values
	}
	left := v.r.ProtoMajor == 1 && v.endConnection(a)
	v.w.WriteHeader(a.status)
	v.w.Write(a.body) // a client that has disconnected needs no answer
	if a.forget {
		v.forget(a)
	}
	if left {
		v.linger()
	}
}

// forget removes headers that have been sent, because the server logs those of
// an answer.
func (v *visit) forget(a *answer) {
	if v.control.Flush() != nil {
		return // they may not have been sent yet
	}
	for name := range a.more {
		delete(v.w.Header(), name)
	}
}

// linger discards the rest of a refused body, for a while: a connection that is
// closed with unread bytes is reset, and the sender may then never see the
// answer. What has already arrived is released before the wait: it is no longer
// needed, and others may be waiting for the room.
func (v *visit) linger() {
	v.upload.release()
	v.body = nil
	if v.control.Flush() == nil {
		_, _ = io.Copy(io.Discard, v.r.Body) // ends with the deadline
	}
}

// endConnection closes an HTTP/1 connection with the answer if the body has not
// arrived: to keep it, net/http would wait for the rest before it answers. A
// caller that is not let in always loses it, so that the bytes of an answer do
// not show how far the request got.
func (v *visit) endConnection(a *answer) (left bool) {
	left = !v.received && v.r.ContentLength != 0
	if left || a == unauthorized || a == notFound {
		v.w.Header().Set("Connection", "close")
	}
	if left && a != tooSlow { // its deadline has passed and stays
		v.control.SetReadDeadline(time.Now().Add(v.gate.drain))
	}
	return left && a != tooSlow
}
