package credential

import (
	"strings"

	"github.com/hookgate/hookgate/internal/form"
	"github.com/hookgate/hookgate/internal/stray"
	"github.com/hookgate/hookgate/internal/syntax"
	"github.com/hookgate/hookgate/module/provider"
)

// MaxSecrets is how many secrets a list may have.
const MaxSecrets = 5

const maxSecretSize = 4096 // bytes

// Reading is how the credentials of a form are read.
type Reading struct {
	Rules Rules

	// Stored are those that the form changes: a mask keeps a secret of theirs.
	Stored Set

	// Declared is set for a form of the configuration, which alone gives the
	// sender's secret.
	Declared bool

	// Expand returns what a secret's text stands for; nil takes it literally.
	Expand func(field, text string) (string, error)
}

// Rules is what a configuration allows credentials to be.
type Rules struct {
	// Provider returns what must be known of a provider, or false for an unknown
	// name.
	Provider func(name string) (ProviderFacts, bool)

	// Custom returns what must be known of a provider that the integration describes
	// itself, or what is wrong with the description. If it is nil, descriptions are
	// refused.
	Custom func(d *provider.Description) (ProviderFacts, error)

	// Issuer returns what must be known of an issuer of tokens, or false for an
	// unknown name. Without Issuer every name is unknown.
	Issuer func(name string) (IssuerFacts, bool)

	// Providers and Issuers list the known names.
	Providers, Issuers func() []string

	// EventHeaders are those in which any provider names its event or delivery:
	// without a signature they do so too.
	EventHeaders []string
}

// IssuerFacts is what the rules need to know of an issuer.
type IssuerFacts struct {
	// SignsForAll is set when anyone can get a token from it for any audience, so
	// that a token must also say whose it is.
	SignsForAll bool
}

// ProviderFacts is what the rules need to know of a provider.
type ProviderFacts struct {
	// SHA256 is set when it signs with SHA-256 or stronger.
	SHA256 bool

	// SHA256Optional is set when it may sign with SHA-1 all the same.
	SHA256Optional bool

	// Timed is set when it signs a time, whose maximum age can be set.
	Timed bool

	// CredentialHeaders carry its signature or token.
	CredentialHeaders []string

	// ReservedHeaders carry its event and delivery ID.
	ReservedHeaders []string

	// NamesEvents is set when it tells what an event is, and NumbersDeliveries when
	// its deliveries can have an ID.
	NamesEvents, NumbersDeliveries bool

	// Learns is set when its sender brings a secret of its own, so that none is
	// needed before.
	Learns bool

	// KeySize returns how many bytes of a key a secret stands for, or false where
	// it is not a shared key; nil takes each character for one.
	KeySize func(secret string) (int, bool)

	// CheckSecret tells what is wrong with a secret, never showing it; nil
	// accepts any.
	CheckSecret func(secret string) error
}

// RequiresSHA256 reports whether an integration requires SHA-256 or stronger,
// unless it says otherwise.
func (f ProviderFacts) RequiresSHA256() bool { return f.SHA256 && !f.SHA256Optional }

// Facts returns what is known of the sender; a form whose provider is unknown has
// been refused before.
func (r Rules) Facts(s Set) ProviderFacts {
	signature := s.Signature()
	if signature == nil || r.Provider == nil {
		return ProviderFacts{ReservedHeaders: r.EventHeaders}
	}
	if d := signature.Description; d != nil {
		facts, _ := r.Custom(d)
		return facts
	}
	facts, _ := r.Provider(signature.Provider)
	return facts
}

// secrets reads a list of at least so many secrets.
func (in *Reading) secrets(f *form.Fields, name string, least int, stored []Secret) []Secret {
	texts := f.List(name)
	if len(texts) < least {
		f.Refuse(name, form.Required, "must have %d to %d entries", least, MaxSecrets)
	}
	if len(texts) > MaxSecrets {
		f.Refuse(name, form.TooMany, "must have %d to %d entries", least, MaxSecrets)
		return nil
	}
	if len(texts) == 0 {
		return nil
	}
	secrets := make([]Secret, len(texts))
	for i, text := range texts {
		secrets[i] = in.secret(f, form.Item(name, i), text, stored)
	}
	return secrets
}

// secret reads one secret. A mask keeps the stored secret that it stands for.
func (in *Reading) secret(f *form.Fields, name, text string, stored []Secret) Secret {
	if in.Expand != nil && f.Sound(name) {
		var err error
		if text, err = in.Expand(f.At(name), text); err != nil {
			f.Refuse(name, form.Invalid, "%v", err)
		}
	}
	text = stray.TrimPEM(text)
	switch found := stray.End(text); {
	case text == "":
		f.Refuse(name, form.Required, "it must not be empty")
	case len(text) > maxSecretSize:
		f.Refuse(name, form.TooLong, "at most %d bytes are allowed", maxSecretSize)
	case found != "":
		f.Refuse(name, form.Invalid, "it %s; no sender sends that, so remove it", found)
	case isMask(text):
		for _, secret := range stored {
			if secret.Masked() == text {
				return secret
			}
		}
		f.Refuse(name, form.Invalid, "this mask does not stand for a secret stored here; send the secret itself")
	}
	return NewSecret(text)
}

// visible reports whether the text is printable ASCII that keeps its form in a
// header: no blank at an end.
func visible(text string) bool {
	return syntax.IsPrintable(text) && strings.TrimSpace(text) == text
}
