package gate

import (
	"net/http"
	"time"

	"github.com/hookgate/hookgate/internal/credential"
	"github.com/hookgate/hookgate/internal/jwt"
	"github.com/hookgate/hookgate/internal/sender"
)

// precheck refuses what can be refused by the headers alone, before the body
// costs anything.
func (v *visit) precheck() *answer {
	v.presented = v.present()
	refusal := v.route.checker.Look(&v.presented, v.config.AllowUnauthenticated)
	if refusal.Reason == sender.Missing {
		if a := v.shakeHandsUnsigned(); a != nil {
			return a
		}
	}
	if a := v.refuseCredential(refusal); a != nil {
		return a
	}
	return v.verify()
}

// present returns the credentials that the request presents.
func (v *visit) present() credential.Request {
	return credential.Request{Header: v.r.Header, TLS: v.r.TLS, Client: v.client, Now: time.Now(), Body: &v.document}
}

// refuseCredential returns nil if no credential is refused. One that cannot be
// checked now may be right: a wanted event must not be lost.
func (v *visit) refuseCredential(refusal credential.Refusal) *answer {
	switch {
	case refusal.Reason == "":
		return nil
	case refusal.Pending():
		return v.refuse(noKeys, refusal.String())
	}
	return v.refuse(unauthorized, refusal.String())
}

// verify verifies the credentials that do not need the body.
func (v *visit) verify() *answer {
	return v.refuseCredential(v.route.checker.Verify(v.r.Context(), &v.presented, v))
}

// authenticate judges the request by the current integration, which may have
// changed while the body was arriving.
func (v *visit) authenticate() *answer {
	before := v.route
	if a := v.lookUp(); a != nil {
		return a
	}
	if v.route != before {
		if a := v.precheck(); a != nil {
			return a
		}
	}
	refusal := v.route.checker.VerifyBody(v.r.Context(), &v.presented, v)
	if refusal.Reason == sender.Missing { // it would be in the body
		if a := v.shakeHandsUnsigned(); a != nil {
			return a
		}
	}
	if a := v.refuseCredential(refusal); a != nil {
		return a
	}
	v.upload.prove()
	return nil
}

// confirm answers a request with which the sender wants a subscription
// confirmed, once that is done.
func (v *visit) confirm() *answer {
	switch wanted, err := v.claim().Confirms(v.r.Context(), v.body, v.config.Remote); {
	case err != nil:
		return v.refuse(unconfirmed, "confirmation_failed")
	case wanted:
		return v.answerJSON(Handshake, http.StatusOK, "confirmed", "", "")
	}
	return nil
}

// claim returns the claim of the sender's signature, which is proven once the
// request is authenticated.
func (v *visit) claim() *sender.Claim { return &v.presented.Claim }

// Issuer implements credential.Gateway.
func (v *visit) Issuer(name string) *jwt.Issuer { return v.config.Issuers[name] }

// Remote implements credential.Gateway.
func (v *visit) Remote() *sender.Remote { return v.config.Remote }
