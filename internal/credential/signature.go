package credential

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"time"

	"github.com/hookgate/hookgate/internal/form"
	"github.com/hookgate/hookgate/internal/jwt"
	"github.com/hookgate/hookgate/internal/sender"
	"github.com/hookgate/hookgate/internal/wire"
	"github.com/hookgate/hookgate/module/provider"
)

// Signature is a provider's scheme with the secrets that verify: any of them.
type Signature struct {
	Provider string
	// Description is that of the provider custom, otherwise nil.
	Description *provider.Description
	Secrets     []Secret
	// Tolerance is how old a signature may be, in seconds; 0 for the provider's own.
	Tolerance int
}

// Kind implements Credential.
func (*Signature) Kind() string { return "signature" }

type signatureForm struct {
	Provider    string                `json:"provider"`
	Description *provider.Description `json:"description,omitempty"`
	Secrets     []string              `json:"secrets"`
	Tolerance   int                   `json:"tolerance,omitempty"`
}

func (s *Signature) read(f *form.Fields, in *Reading) bool {
	o := f.Object(s.Kind())
	s.Provider = o.Text("provider", "")
	facts := s.readProvider(o, in)
	var stored []Secret
	if kept := in.Stored.Signature(); kept != nil && kept.SameSender(s) {
		stored = kept.Secrets
	}
	least := 1
	if facts.Learns {
		least = 0
	}
	s.Secrets = in.secrets(o, "secrets", least, stored)
	if in.Declared && len(s.Secrets) == 0 {
		o.Refuse("secrets", form.Required, "a declared integration requires one: only integrations of the admin API can learn a secret chosen by the sender")
	}
	for i, secret := range s.Secrets {
		if facts.CheckSecret == nil || !o.Sound(form.Item("secrets", i)) {
			continue
		}
		if err := facts.CheckSecret(secret.value); err != nil {
			o.Refuse(form.Item("secrets", i), form.Invalid, "%v", err)
		}
	}
	s.Tolerance = readTolerance(o, facts)
	o.End()
	return true
}

// readProvider reads who signs. Only the provider custom comes with a description.
func (s *Signature) readProvider(f *form.Fields, in *Reading) (facts ProviderFacts) {
	document, described := f.Take("description")
	described = described && document != nil
	switch {
	case s.Provider == Custom && in.Rules.Custom != nil:
		if !described {
			f.Refuse("description", form.Required, "the provider custom requires one")
			return facts
		}
		if s.Description = describe(f, document); s.Description == nil {
			return facts
		}
		facts, err := in.Rules.Custom(s.Description)
		if err != nil {
			f.Refuse("description", form.Invalid, "%v", err)
		}
		facts.Timed = false // the description says how old a time may be
		return facts
	case described:
		f.Refuse("description", form.Conflict, "only the provider custom has one")
	}
	known := false
	if in.Rules.Provider != nil {
		facts, known = in.Rules.Provider(s.Provider)
	}
	switch {
	case s.Provider == "":
		f.Refuse("provider", form.Required, "it must not be empty%s", form.Choose("", in.Rules.Providers))
	case !known:
		f.Refuse("provider", form.NotFound, "unknown provider%s%s", f.Show(s.Provider), form.Choose(s.Provider, in.Rules.Providers))
	}
	return facts
}

// readTolerance reads how old a signature may be. A custom provider sets it in its
// description, with the place of the time.
func readTolerance(f *form.Fields, facts ProviderFacts) int {
	const name = "tolerance"
	if !f.Has(name) {
		return 0
	}
	seconds := f.Number(name, 0)
	switch {
	case !f.Sound("provider"):
	case !facts.Timed:
		f.Refuse(name, form.Conflict, "this provider's signature has no signing time, or its description sets the maximum age")
	case seconds > provider.MaxTolerance:
		f.Refuse(name, form.Invalid, "at most %d seconds are allowed%s", provider.MaxTolerance, f.Show(strconv.Itoa(seconds)))
	}
	return seconds
}

// SameSender reports whether both use a secret in the same way, so that a stored one
// may be kept.
func (s *Signature) SameSender(other *Signature) bool {
	if s.Provider != other.Provider || (s.Description == nil) != (other.Description == nil) {
		return false
	}
	return s.Description == nil ||
		reflect.DeepEqual(s.Description.Schemes, other.Description.Schemes) &&
			reflect.DeepEqual(s.Description.Handshakes, other.Description.Handshakes)
}

// readOption reads
//
//	signature <provider> <secret...> {
//		tolerance <duration>
//	}
//	signature custom <secret...> { … }
//
// where the block of custom describes the sender.
func (*Signature) readOption(o Options) (any, error) {
	words, err := o.Words(2, 0)
	if err != nil {
		return nil, err
	}
	formed := signatureForm{Provider: words[0], Secrets: words[1:]}
	if formed.Provider == Custom {
		formed.Description = new(provider.Description)
		return &formed, o.Description(formed.Description)
	}
	return &formed, o.Block(func(name string) error {
		if name != "tolerance" {
			return o.Unknown()
		}
		var tolerance time.Duration
		if err := o.Duration(&tolerance); err != nil {
			return err
		}
		formed.Tolerance = int(tolerance / time.Second)
		if formed.Tolerance < 1 || formed.Tolerance > provider.MaxTolerance || tolerance%time.Second != 0 {
			return o.Errf("tolerance: must be from a second to a day, in whole seconds")
		}
		return nil
	})
}

func (*Signature) check(*form.Fields, ProviderFacts) {}

func (*Signature) warn(Warn) {}

func (*Signature) keySize(secret Secret, facts ProviderFacts) (size int, shared bool) {
	if facts.KeySize == nil {
		return len(secret.value), true
	}
	return facts.KeySize(secret.value)
}

func (s *Signature) masked() any {
	return &signatureForm{s.Provider, s.Description, masked(s.Secrets), s.Tolerance}
}

func (*Signature) shownAbsent() bool { return true }

func (s *Signature) mapSecrets(change func(string, Secret) Secret) Credential {
	return &Signature{s.Provider, s.Description, mapList("secrets", s.Secrets, change), s.Tolerance}
}

const (
	signatureFlag = 1 << 4
	toleranceFlag = 1 << 13
)

func (s *Signature) flags() (set, all uint16) {
	set = signatureFlag
	if s.Tolerance != 0 {
		set |= toleranceFlag
	}
	return set, signatureFlag | toleranceFlag
}

func (s *Signature) appendTo(raw []byte) ([]byte, error) {
	raw = appendSecrets(wire.AppendStrings(raw, s.Provider), s.Secrets)
	if s.Description != nil {
		text, err := json.Marshal(s.Description)
		if err != nil {
			return nil, err
		}
		raw = wire.AppendStrings(raw, string(text))
	}
	if s.Tolerance != 0 {
		raw = wire.AppendUint(raw, uint64(s.Tolerance))
	}
	return raw, nil
}

func (s *Signature) readStored(r *wire.StringDecoder, flags uint16) {
	s.Provider, s.Secrets = r.String(), readSecrets(r)
	if s.Provider == Custom {
		s.Description = readDescription(r)
	}
	if flags&toleranceFlag != 0 {
		seconds := r.Uint()
		if seconds == 0 || seconds > provider.MaxTolerance {
			r.Fail()
			return
		}
		s.Tolerance = int(seconds)
	}
}

// size takes a description for what one usually needs.
func (s *Signature) size() (entries, texts int) {
	texts = len(s.Provider)
	if s.Description != nil {
		texts += maxDescription / 4
	}
	return 0, texts
}

func (*Signature) uses(signature []string) []use {
	uses := make([]use, len(signature))
	for i, header := range signature {
		uses[i] = use{"provider", header}
	}
	return uses
}

// sender returns who signs.
func (s *Signature) sender() (*sender.Provider, error) {
	if s.Description != nil {
		return sender.Compile(s.Description)
	}
	p, found := sender.Lookup(s.Provider)
	if !found {
		return nil, fmt.Errorf("unknown provider %q", s.Provider)
	}
	if s.Tolerance > 0 {
		p = p.Within(s.Tolerance)
	}
	return p, nil
}

func (s *Signature) judge(c *Checker) (judge, error) {
	var err error
	if c.Provider, err = s.sender(); err != nil {
		return nil, err
	}
	if c.Verifier, err = c.Provider.NewVerifier(reveal(s.Secrets), c.policy.Signed); err != nil {
		return nil, err
	}
	return &signatureJudge{c.Verifier, c.policy.Signed}, nil
}

func (*Signature) reasons() []provider.Reason {
	return append([]provider.Reason{
		sender.Stale, sender.Weak, sender.Unavailable, jwt.WrongIssuer, jwt.WrongAudience, jwt.WrongClaim,
	}, commonReasons...)
}

func (*Signature) logged() (key, value string) { return "", "" }

// signatureJudge leaves in a request what its signature claims.
type signatureJudge struct {
	verifier *sender.Verifier
	strong   bool // SHA-256 or stronger is wanted
}

func (*signatureJudge) stage() stage { return bySender }

func (j *signatureJudge) look(q *Request) (present bool, reason provider.Reason) {
	q.Claim, reason = j.verifier.Precheck(q.Header, q.Now)
	return q.Claim.Present(), reason
}

func (j *signatureJudge) verify(ctx context.Context, q *Request, gateway Gateway) provider.Reason {
	if !q.Claim.Present() || q.Claim.NeedsBody() {
		return ""
	}
	return j.prove(ctx, q, gateway)
}

func (j *signatureJudge) verifyBody(ctx context.Context, q *Request, gateway Gateway) provider.Reason {
	if !q.Claim.Present() || !q.Claim.NeedsBody() {
		return ""
	}
	return j.prove(ctx, q, gateway)
}

// prove may have to wait for the sender's keys.
func (j *signatureJudge) prove(ctx context.Context, q *Request, gateway Gateway) provider.Reason {
	if q.Claim.SignsURL() {
		q.Claim.URL = gateway.Address()
	}
	q.Claim.Client = q.Client
	return q.Claim.VerifyBy(ctx, q.Body, gateway.Remote(), j.strong)
}

func (j *signatureJudge) sample(s *Sample) error { return j.verifier.Sign(s.Request) }
