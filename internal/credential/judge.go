package credential

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/hookgate/hookgate/internal/jsondoc"
	"github.com/hookgate/hookgate/internal/jwt"
	"github.com/hookgate/hookgate/internal/sender"
	"github.com/hookgate/hookgate/internal/syntax"
	"github.com/hookgate/hookgate/module/provider"
)

// judge verifies the credential of one kind in requests.
type judge interface {
	// stage is when the judge is asked.
	stage() stage

	// look judges what the headers and the connection show, which costs little.
	// present reports whether the request carries such a credential; with a reason
	// it is refused whatever else it carries.
	look(q *Request) (present bool, reason provider.Reason)

	// verify judges what takes longer and needs no body. It is called when every
	// look is done, and judges nothing when the request does not carry such a
	// credential.
	verify(ctx context.Context, q *Request, gateway Gateway) provider.Reason

	// verifyBody does so where the body is needed.
	verifyBody(ctx context.Context, q *Request, gateway Gateway) provider.Reason

	// sample makes a test request carry the credential, or fails with
	// sender.ErrSenderSigns when only the sender can make one.
	sample(s *Sample) error
}

// stage is the place of a judge in the order in which they are asked: what costs
// less comes first.
type stage int

const (
	// byAddress is for what every request must show and what proves nothing beside
	// a credential of a later stage.
	byAddress stage = iota
	byConnection
	byHeader
	byIssuer
	// bySender is the signature's, which an integration may require beside others.
	bySender
)

// Request is what judges see of a request.
type Request struct {
	Header http.Header
	TLS    *tls.ConnectionState
	// Client is the address of the client, as far as it is known.
	Client string
	Now    time.Time
	// Body is empty until it has been received.
	Body *jsondoc.Document

	// Claim is what the sender's signature claims, until the body proves it. A look
	// at the signature sets it.
	Claim sender.Claim
}

// Gateway is what judges need of the running configuration.
type Gateway interface {
	// Issuer returns the configuration's issuer of tokens of the name, nil for an
	// unknown one.
	Issuer(name string) *jwt.Issuer

	// Remote is what verifiers ask others for.
	Remote() *sender.Remote

	// Address is the URL to which the sender of the request was told to send.
	Address() string
}

// Sample is a test request on its way.
type Sample struct {
	Request *provider.Request
	// Client is the address from which it comes.
	Client string
}

// commonReasons are those for which any credential of a request may be refused.
var commonReasons = []provider.Reason{sender.Missing, sender.Duplicate, sender.Malformed, sender.Mismatch}

// seenAtOnce is for judges that have nothing to verify after the look.
type seenAtOnce struct{}

func (seenAtOnce) verify(context.Context, *Request, Gateway) provider.Reason { return "" }

func (seenAtOnce) verifyBody(context.Context, *Request, Gateway) provider.Reason { return "" }

// token judges a credential that is the value of a header, after the name of a
// scheme or alone.
type token struct {
	seenAtOnce
	header string
	scheme string
	values sender.Digests
}

func newToken(header, scheme string, values ...string) (token, error) {
	t := token{header: http.CanonicalHeaderKey(header), scheme: scheme}
	for _, value := range values {
		if value != "" {
			t.values.Add(value)
		}
	}
	if t.header == "" || len(t.values) == 0 {
		return t, errors.New("a credential has no header or no value")
	}
	return t, nil
}

func (*token) stage() stage { return byHeader }

func (t *token) look(q *Request) (present bool, reason provider.Reason) {
	value, present, reason := headerText(q.Header, t.header, t.scheme)
	if !present || reason != "" {
		return present, reason
	}
	if !t.values.Match(value) {
		return true, sender.Mismatch
	}
	return true, ""
}

// headerText returns the credential that is the value of a header, without the
// name of its scheme.
func headerText(header http.Header, name, scheme string) (text string, present bool, reason provider.Reason) {
	values := header[name]
	switch {
	case len(values) == 0:
		return "", false, ""
	case len(values) > 1:
		return "", true, sender.Duplicate
	case values[0] == "" || !syntax.IsPrintable(values[0]):
		return "", true, sender.Malformed
	}
	if scheme == "" {
		return values[0], true, ""
	}
	// RFC 9110, 11.4: the scheme's case does not matter, and one blank or more
	// follows it.
	sent, rest, found := strings.Cut(values[0], " ")
	if !found || !strings.EqualFold(sent, scheme) {
		return "", true, sender.Malformed
	}
	return strings.TrimLeft(rest, " "), true, ""
}
