package gate

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/hookgate/hookgate/internal/credential"
	"github.com/hookgate/hookgate/internal/sender"
	"github.com/hookgate/hookgate/module/provider"
)

// shakeHandsByMethod answers a request that is not a POST, if the provider has
// such a handshake. Whatever exists at the address, a caller that does not ask
// for one gets the answer for a wrong method.
func (v *visit) shakeHandsByMethod() *answer {
	switch v.r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
	default:
		return nil
	}
	if v.find() == nil && v.mayShakeHands() {
		if a := v.shakeHandsWithoutBody(); a != nil {
			return a
		}
	}
	v.route, v.seen.Integration, v.seen.Reason = nil, nil, ""
	return nil
}

// shakeHandsWithoutBody answers a handshake that the provider defines, and
// refuses one that someone else asks for.
func (v *visit) shakeHandsWithoutBody() *answer {
	asked, proven := v.route.provider.AsksHandshake(v.request())
	if !asked {
		return nil
	}
	if refusal := v.lookAtHandshake(); refusal.Reason != "" {
		return v.refuse(unauthorized, refusal.String())
	}
	if a := v.verify(); a != nil {
		return a
	}
	claim := v.claim()
	claim.URL = v.Address()
	if a, _ := v.shake(claim.Present() && claim.Verify(nil) == ""); a != nil || !proven {
		return a
	}
	return v.refuse(unauthorized, "handshake_"+string(sender.Mismatch))
}

// lookAtHandshake refuses a handshake by its headers and connection. The
// sender's own credential may be missing, because many senders do not sign
// their handshakes. Everything else that every request needs must be there.
func (v *visit) lookAtHandshake() credential.Refusal {
	v.presented = v.present()
	refusal := v.route.checker.Look(&v.presented, false)
	if refusal.Unsigned() {
		return credential.Refusal{}
	}
	return refusal
}

// shakeHands answers a request with which the sender verifies the address. It
// has been authenticated, so one that cannot be answered is not an event
// either.
func (v *visit) shakeHands() *answer {
	if !v.mayShakeHands() {
		return nil
	}
	a, asked := v.shake(v.claim().Present())
	if a == nil && asked {
		return v.refuse(badHandshake, "handshake_malformed")
	}
	return a
}

// maxUnsigned is the largest body, in bytes, that may be a handshake that the
// sender does not sign, whether or not its length was announced.
const maxUnsigned = 16 << 10

// shakeHandsUnsigned answers the handshake of a sender that does not sign it.
// No more of a body is read for that than a handshake can have, and nothing if
// the headers show that there is nothing to answer.
func (v *visit) shakeHandsUnsigned() *answer {
	if !v.mayShakeHands() || v.r.ContentLength > maxUnsigned || len(v.body) > maxUnsigned ||
		!v.route.provider.OpenHandshake(v.request(), v.learning()) {
		return nil
	}
	if refusal := v.lookAtHandshake(); refusal.Reason != "" {
		return nil
	}
	if a := v.verify(); a != nil { // as for any credential that the request carries
		return a
	}
	if !v.received {
		switch a := v.readUpTo(min(maxUnsigned, v.gate.settings.MaxBody), false); {
		case a == tooLarge && v.gate.settings.MaxBody > maxUnsigned:
			return nil
		case a != nil:
			return a
		}
	}
	a, _ := v.shake(false)
	return a
}

func (v *visit) mayShakeHands() bool {
	return v.route.provider != nil && v.route.checker.Verifier != nil && slices.Contains(v.route.handshakes, v.r.Method)
}

// shake returns the answer to a handshake, if it gets one, and reports whether
// the request is a handshake at all rather than an event.
func (v *visit) shake(verified bool) (reply *answer, asked bool) {
	l := lesson{visit: v}
	var learn func(string) bool
	if v.learning() {
		learn = l.learn
	}
	a, ok := v.route.checker.Verifier.Handshake(v.request(), &v.document, verified, learn)
	switch {
	case l.err != nil:
		return v.refuse(unavailable, "learn_failed"), true
	case l.refused:
		return v.refuse(unauthorized, "secret_refused"), true
	case !ok:
		return nil, a.Asked
	case a.Pong && v.content.wanted && v.content.message.Ping: // it is an event here
		return nil, false
	case a.Pong:
		return v.answerPong(), true
	}
	return v.answerHandshake(&a), true
}

// learning reports whether a secret from the sender may be learned now.
func (v *visit) learning() bool { return v.route.Integration.Handshake.Open(time.Now()) }

// request is what a provider sees of the request, with as much of the body as
// has been received.
func (v *visit) request() *provider.Request {
	return &provider.Request{Method: v.r.Method, URL: v.Address(), Header: v.r.Header, Body: v.body, Now: time.Now()}
}

// lesson is the result of learning a sender's secret.
type lesson struct {
	visit   *visit
	refused bool // another one came first
	err     error
}

// learn stores the secret, even if the sender disconnects meanwhile: it then
// believes that it has set it, or tries again.
func (l *lesson) learn(secret string) bool {
	v := l.visit
	var learned bool
	learned, l.err = v.config.Integrations.Learn(context.WithoutCancel(v.r.Context()), v.route.Integration, secret, v.client)
	v.seen.Learned, l.refused = learned, !learned && l.err == nil
	return learned
}

func (v *visit) answerHandshake(a *sender.Answer) *answer {
	v.reply = answer{outcome: Handshake, status: a.Status, kind: a.Header["Content-Type"], more: a.Header, forget: v.seen.Learned, body: a.Body}
	return &v.reply
}

// Address is where the sender was told to send: below the public URL if there
// is one, and otherwise where the request arrived.
func (v *visit) Address() string {
	address := v.gate.settings.PublicURL
	if address != "" {
		address += v.id
	} else {
		scheme := "http://"
		if v.r.TLS != nil {
			scheme = "https://"
		}
		address = scheme + v.r.Host + v.r.URL.EscapedPath()
	}
	if v.r.URL.RawQuery != "" {
		address += "?" + v.r.URL.RawQuery
	}
	return address
}
