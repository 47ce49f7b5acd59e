package credential

import (
	"context"
	"errors"
	"slices"

	"github.com/hookgate/hookgate/internal/sender"
	"github.com/hookgate/hookgate/module/provider"
)

// Policy says which credentials a request needs.
type Policy struct {
	// All wants every credential; otherwise one is enough.
	All bool
	// Signed wants a signature whatever else there is, of SHA-256 or stronger.
	Signed bool
	// Open lets anyone in where there is no credential.
	Open bool
}

// Checker verifies the credentials of requests to one integration. It is never
// changed once it is made.
type Checker struct {
	// Provider is who sends, and Verifier what verifies that; both are nil without
	// a signature.
	Provider *sender.Provider
	Verifier *sender.Verifier

	policy Policy
	judges []asked // in the order in which they are asked
	// proof is set when a request must carry something.
	proof bool
}

// asked is a judge with what its answer means.
type asked struct {
	judge
	kind     string
	required bool // a request without such a credential is refused
	proves   bool // such a credential may be enough
}

// NewChecker prepares a set of credentials. It fails only for one that should not
// have been stored.
func NewChecker(s Set, policy Policy) (*Checker, error) {
	c := &Checker{policy: policy, judges: make([]asked, 0, len(s))}
	for _, configured := range s {
		j, err := configured.judge(c)
		if err != nil {
			return nil, err
		}
		at := j.stage()
		c.judges = append(c.judges, asked{
			judge:    j,
			kind:     configured.Kind(),
			required: policy.All || at == byAddress || at == bySender && policy.Signed,
			proves:   at != byAddress,
		})
		c.proof = c.proof || at != byAddress
	}
	slices.SortStableFunc(c.judges, func(a, b asked) int { return int(a.stage() - b.stage()) })
	if policy.Signed && c.Verifier == nil {
		return nil, errors.New("a required signature is not configured")
	}
	return c, nil
}

// Refusal is why a request is refused; the zero value is for one that is not.
type Refusal struct {
	// Kind is that of the credential, or "credential" for none of them.
	Kind   string
	Reason provider.Reason
}

// String returns the reason for logs and metrics, "" without one.
func (r Refusal) String() string {
	if r.Reason == "" {
		return ""
	}
	return r.Kind + "_" + string(r.Reason)
}

// Pending reports whether the credential cannot be judged now: it may be right,
// and a wanted event must not be lost.
func (r Refusal) Pending() bool { return r.Reason == sender.Unavailable || r.Reason == issuerUnknown }

// Unsigned reports whether the only fault is that the sender's own credential, or any
// credential, is missing.
func (r Refusal) Unsigned() bool {
	return r.Reason == sender.Missing && (r.Kind == anyCredential || r.Kind == (*Signature)(nil).Kind())
}

const (
	anyCredential = "credential"

	notConfigured provider.Reason = "not_configured"
)

// Look refuses what the headers and the connection alone can refuse. Every
// credential that the request carries must be valid, also where another one would
// do. open permits integrations without credentials.
func (c *Checker) Look(q *Request, open bool) Refusal {
	if len(c.judges) == 0 {
		if c.policy.Open && open {
			return Refusal{}
		}
		return Refusal{anyCredential, notConfigured}
	}
	carried := !c.proof
	for i := range c.judges {
		j := &c.judges[i]
		present, reason := j.look(q)
		if !present && reason == "" && j.required {
			reason = sender.Missing
		}
		if reason != "" {
			return Refusal{j.kind, reason}
		}
		carried = carried || present && j.proves
	}
	if !carried {
		return Refusal{anyCredential, sender.Missing}
	}
	return Refusal{}
}

// Verify judges the credentials that need no body. It may have to wait for keys.
func (c *Checker) Verify(ctx context.Context, q *Request, gateway Gateway) Refusal {
	for i := range c.judges {
		if reason := c.judges[i].verify(ctx, q, gateway); reason != "" {
			return Refusal{c.judges[i].kind, reason}
		}
	}
	return Refusal{}
}

// Proven reports whether a request that was verified has shown whose it is before
// its body.
func (c *Checker) Proven(q *Request) bool {
	return c.proof && (!q.Claim.Present() || !q.Claim.NeedsBody())
}

// VerifyBody judges the credentials that the body must prove. It may have to wait
// for keys.
func (c *Checker) VerifyBody(ctx context.Context, q *Request, gateway Gateway) Refusal {
	for i := range c.judges {
		if reason := c.judges[i].verifyBody(ctx, q, gateway); reason != "" {
			return Refusal{c.judges[i].kind, reason}
		}
	}
	return Refusal{}
}

// Sample makes a test request carry all credentials, or enough of them where one
// will do. It fails with sender.ErrSenderSigns when only the sender can make what
// is needed.
func (c *Checker) Sample(s *Sample) error {
	made := !c.proof
	var missing error
	for i := range c.judges {
		j := &c.judges[i]
		switch err := j.sample(s); {
		case err == nil:
			made = made || j.proves
		case j.required || !errors.Is(err, sender.ErrSenderSigns):
			return err
		default:
			missing = err
		}
	}
	if !made {
		return missing
	}
	return nil
}
