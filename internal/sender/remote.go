package sender

import (
	"context"

	"github.com/hookgate/hookgate/internal/jsondoc"
	"github.com/hookgate/hookgate/internal/jwt"
	"github.com/hookgate/hookgate/internal/remotekey"
	"github.com/hookgate/hookgate/module/provider"
)

// Remote is what verifiers need from others.
type Remote struct {
	// Google signs tokens for its services.
	Google *jwt.Issuer
	// Certificates are the ones that senders sign with.
	Certificates *remotekey.Certificates
	// Client requests an address through which a sender wants to be answered.
	Client *remotekey.Client

	caller string // the client whose request is verified, if known
}

// The senders' names in logs and metrics about their certificates.
const (
	sourcePayPal = "paypal"
	sourceSNS    = "sns"
)

// Sources returns the names of the senders whose certificates are fetched.
func Sources() []string { return []string{sourcePayPal, sourceSNS} }

// fetching is a verifier for a sender that publishes what verifies its
// requests.
type fetching interface {
	provider.Verifier
	// needsBody returns false if the headers are enough.
	needsBody() bool
	// verifyBy is Verify with the help of others. If strong, nothing weaker than
	// SHA-256 counts.
	verifyBy(ctx context.Context, r *provider.Request, remote *Remote, strong bool) Reason
}

// confirming is a verifier for a sender that wants an address to be requested.
type confirming interface {
	// confirmation returns that address, or "" for any other request. The request
	// has been verified.
	confirmation(r *provider.Request) string
}

// NeedsBody reports whether the claim can only be verified with the body.
func (c *Claim) NeedsBody() bool {
	if c.line == nil {
		return false
	}
	code, ok := c.line.code.(fetching)
	return !ok || code.needsBody()
}

// VerifyBy is Verify with the help of others: some senders publish their keys.
// If strong, nothing weaker than SHA-256 counts for those that sign in several
// ways.
func (c *Claim) VerifyBy(ctx context.Context, body *jsondoc.Document, remote *Remote, strong bool) Reason {
	if c.scheme != nil && c.scheme.method.kind == byCode {
		if code, ok := c.line.code.(fetching); ok {
			theirs := *remote
			theirs.caller = c.Client
			return code.verifyBy(ctx, c.request(body.Payload()), &theirs, strong)
		}
	}
	return c.verify(body)
}

// Confirms reports whether the claim's request wants a subscription confirmed,
// and if so requests the address for that. The request has been verified.
func (c *Claim) Confirms(ctx context.Context, body []byte, remote *Remote) (wanted bool, err error) {
	if c.line == nil {
		return false, nil
	}
	code, ok := c.line.code.(confirming)
	if !ok {
		return false, nil
	}
	address := code.confirmation(c.request(body))
	if address == "" {
		return false, nil
	}
	_, _, err = remote.Client.Get(ctx, address)
	return true, err
}
