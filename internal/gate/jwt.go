package gate

import (
	"net/http"
	"time"

	"github.com/hookgate/hookgate/internal/integration"
	"github.com/hookgate/hookgate/internal/jwt"
	"github.com/hookgate/hookgate/internal/sender"
)

// jsonWebToken is what a JSON web token must be.
type jsonWebToken struct {
	header, scheme string
	issuer         string
	want           jwt.Want
}

func newJSONWebToken(configured *integration.JWT) *jsonWebToken {
	t := &jsonWebToken{
		header: http.CanonicalHeaderKey(configured.Header),
		issuer: configured.Issuer,
		want:   jwt.Want{Audience: configured.Audience, Claims: configured.Claims},
	}
	if t.header == integration.DefaultTokenHeader {
		t.scheme = "Bearer"
	}
	return t
}

// judgeToken verifies a JSON web token, if the request carries one. That may
// have to wait for the issuer's keys.
func (v *visit) judgeToken() *answer {
	wanted := v.route.credentials.jwt
	if wanted == nil {
		return nil
	}
	text, reason := credentialText(v.r.Header, wanted.header, wanted.scheme)
	switch reason {
	case "":
		issuer := v.config.Issuers[wanted.issuer]
		if issuer == nil {
			return v.refuse(noKeys, "jwt_issuer_unknown") // the operator may have to name it again
		}
		reason = issuer.Verify(v.r.Context(), text, wanted.want, time.Now())
	case sender.Missing:
		return nil // another credential has let the request in
	}
	return v.refuseCredential("jwt", reason)
}
