package gate

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/hookgate/hookgate/internal/integration"
	"github.com/hookgate/hookgate/internal/sender"
)

// precheck refuses what the headers alone can refuse, before the body costs
// anything.
func (v *visit) precheck() *answer {
	open := v.config.AllowUnauthenticated
	claim, reason := v.route.credentials.precheck(v.r, v.client, time.Now(), open)
	if strings.HasSuffix(reason, "_"+string(sender.Missing)) {
		if a := v.shakeHandsUnsigned(); a != nil {
			return a
		}
	}
	if reason != "" {
		return v.refuse(unauthorized, reason)
	}
	v.claim = claim
	if a := v.judgeToken(); a != nil {
		return a
	}
	if claim.Present() && !claim.NeedsBody() {
		return v.verify()
	}
	return nil
}

// refuseCredential returns nil for a credential that counts. One that cannot
// be judged now may be right: a wanted event must not be lost.
func (v *visit) refuseCredential(kind string, reason sender.Reason) *answer {
	switch reason {
	case "":
		return nil
	case sender.Unavailable:
		return v.refuse(noKeys, kind+"_"+string(reason))
	}
	return v.refuse(unauthorized, kind+"_"+string(reason))
}

// authenticate judges the request by the integration as it stands now, which
// may have changed while the body was coming.
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
	if v.claim.Present() && v.claim.NeedsBody() {
		if a := v.verify(); a != nil {
			return a
		}
	}
	v.upload.prove()
	return nil
}

// verify verifies the claim, which may have to wait for the sender's keys.
func (v *visit) verify() *answer {
	if v.claim.SignsURL() {
		v.claim.URL = v.address()
	}
	v.claim.Client = v.client
	reason := v.claim.VerifyBy(v.r.Context(), &v.document, v.config.Remote, v.route.credentials.signed)
	if reason == sender.Missing { // it would be in the body
		if a := v.shakeHandsUnsigned(); a != nil {
			return a
		}
	}
	return v.refuseCredential("signature", reason)
}

// confirm answers a request by which the sender wants a subscription
// confirmed, once that is done.
func (v *visit) confirm() *answer {
	switch wanted, err := v.claim.Confirms(v.r.Context(), v.body, v.config.Remote); {
	case err != nil:
		return v.refuse(unconfirmed, "confirmation_failed")
	case wanted:
		return v.answerJSON(Handshake, http.StatusOK, "confirmed", "", "")
	}
	return nil
}

// credentials are an integration's ways in.
type credentials struct {
	tokens   []token
	verifier *sender.Verifier
	jwt      *jsonWebToken

	certificate *integration.ClientCertificate
	// sources are the addresses from which the sender calls, none for any.
	sources []netip.Prefix

	// all wants every credential, otherwise one is enough.
	all bool
	// signed wants a signature whatever else there is.
	signed bool
	// open lets anyone in: there is no credential, on purpose.
	open bool
}

func newCredentials(auth *integration.Authentication, p *sender.Provider) (credentials, error) {
	c := credentials{
		certificate: auth.ClientCertificate,
		sources:     auth.SourceIPs,
		all:         auth.Match != integration.MatchAny,
		signed:      auth.RequireSHA256Signature,
	}
	if s := auth.SecureHeader; s != nil {
		c.tokens = append(c.tokens, newToken("secure_header", s.Name, "", s.Value.Reveal()))
	}
	if b := auth.Basic; b != nil {
		// The base64 text has one spelling, so it is compared as it is. A
		// colon in the user name would move the border to the password.
		if strings.Contains(b.Username, ":") || b.Password.Reveal() == "" {
			return credentials{}, errors.New("the basic credential is not valid")
		}
		pair := base64.StdEncoding.EncodeToString([]byte(b.Username + ":" + b.Password.Reveal()))
		c.tokens = append(c.tokens, newToken("basic", "Authorization", "Basic", pair))
	}
	if b := auth.Bearer; b != nil {
		tokens := make([]string, len(b.Tokens))
		for i, secret := range b.Tokens {
			tokens[i] = secret.Reveal()
		}
		c.tokens = append(c.tokens, newToken("bearer", "Authorization", "Bearer", tokens...))
	}
	for i := range c.tokens {
		if c.tokens[i].header == "" || len(c.tokens[i].digests) == 0 {
			return credentials{}, errors.New("a credential has no header or no value")
		}
	}
	if s := auth.Signature; s != nil {
		secrets := make([]string, len(s.Secrets))
		for i, secret := range s.Secrets {
			secrets[i] = secret.Reveal()
		}
		var err error
		if c.verifier, err = p.NewVerifier(secrets, auth.RequireSHA256Signature); err != nil {
			return credentials{}, err
		}
	}
	if c.signed && c.verifier == nil {
		return credentials{}, errors.New("a required signature is not configured")
	}
	if auth.JWT != nil {
		c.jwt = newJSONWebToken(auth.JWT)
	}
	c.open = auth.AllowUnauthenticated && !c.any()
	return c, nil
}

// any says whether there is a way in at all.
func (c *credentials) any() bool { return c.proof() || len(c.sources) > 0 }

// proof says whether a request must carry something.
func (c *credentials) proof() bool {
	return len(c.tokens) > 0 || c.verifier != nil || c.jwt != nil || c.certificate != nil
}

// precheck returns the claim that the body must still prove, or why the
// request is refused. A JSON web token is there or not: it is judged after all
// that costs less. A credential that the request carries must be valid
// also where another one would do. An address is different: it is never enough
// beside another credential, since many may share it, and always needed.
func (c *credentials) precheck(r *http.Request, client string, now time.Time, open bool) (sender.Claim, string) {
	header := r.Header
	if !c.any() {
		if c.open && open {
			return sender.Claim{}, ""
		}
		return sender.Claim{}, "credential_not_configured"
	}
	if !isSource(c.sources, client) {
		return sender.Claim{}, "source_ips_" + string(sender.Mismatch)
	}
	carried := !c.proof()
	if c.certificate != nil {
		switch reason := checkCertificate(c.certificate, r.TLS, now); {
		case reason == "":
			carried = true
		case reason != sender.Missing || c.all:
			return sender.Claim{}, "client_certificate_" + string(reason)
		}
	}
	for i := range c.tokens {
		t := &c.tokens[i]
		switch reason := t.check(header); {
		case reason == "":
			carried = true
		case reason != sender.Missing || c.all:
			return sender.Claim{}, t.kind + "_" + string(reason)
		}
	}
	if c.jwt != nil {
		switch _, reason := credentialText(header, c.jwt.header, c.jwt.scheme); {
		case reason == "":
			carried = true
		case reason != sender.Missing || c.all:
			return sender.Claim{}, "jwt_" + string(reason)
		}
	}
	var claim sender.Claim
	if c.verifier != nil {
		var reason sender.Reason
		claim, reason = c.verifier.Precheck(header, now)
		if reason == "" && !claim.Present() && (c.all || c.signed) {
			reason = sender.Missing
		}
		if reason != "" {
			return sender.Claim{}, "signature_" + string(reason)
		}
	}
	if !carried && !claim.Present() {
		return sender.Claim{}, "credential_missing"
	}
	return claim, ""
}

// token is a credential that is the value of a header, after the name of a
// scheme or alone.
type token struct {
	kind   string
	header string
	scheme string
	// digests are compared instead of values, so that the time tells nothing
	// of a secret's length.
	digests [][sha256.Size]byte
}

func newToken(kind, header, scheme string, values ...string) token {
	t := token{kind: kind, header: http.CanonicalHeaderKey(header), scheme: scheme}
	for _, value := range values {
		if value != "" {
			t.digests = append(t.digests, sha256.Sum256([]byte(value)))
		}
	}
	return t
}

func (t *token) check(header http.Header) sender.Reason {
	value, reason := credentialText(header, t.header, t.scheme)
	if reason != "" {
		return reason
	}
	sent, match := sha256.Sum256([]byte(value)), 0
	for i := range t.digests {
		match |= subtle.ConstantTimeCompare(sent[:], t.digests[i][:])
	}
	if match != 1 {
		return sender.Mismatch
	}
	return ""
}

// credentialText returns the credential that is the value of a header, without
// the name of its scheme.
func credentialText(header http.Header, name, scheme string) (string, sender.Reason) {
	values := header[name]
	switch {
	case len(values) == 0:
		return "", sender.Missing
	case len(values) > 1:
		return "", sender.Duplicate
	case values[0] == "" || !sender.Printable(values[0]):
		return "", sender.Malformed
	}
	if scheme == "" {
		return values[0], ""
	}
	// RFC 9110, 11.4: the scheme's case does not matter, and one blank or more
	// follows it.
	sent, rest, found := strings.Cut(values[0], " ")
	if !found || !strings.EqualFold(sent, scheme) {
		return "", sender.Malformed
	}
	return strings.TrimLeft(rest, " "), ""
}
