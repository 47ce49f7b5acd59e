package credential

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/hookgate/hookgate/internal/form"
	"github.com/hookgate/hookgate/internal/wire"
)

// Set is the credentials of one integration, at most one of each kind and in the
// order of the kinds. It is never changed.
type Set []Credential

// NewSet returns a set of credentials.
func NewSet(credentials ...Credential) Set {
	var s Set
	for _, c := range credentials {
		s = s.With(c)
	}
	return s
}

// Of returns the credential of a kind, nil when there is none.
func Of[C Credential](s Set) (c C) {
	for i := range s {
		if found, ok := s[i].(C); ok {
			return found
		}
	}
	return c
}

// With returns a copy in which the credential takes the place of the one of its
// kind.
func (s Set) With(c Credential) Set {
	var next Set
	for i := range table {
		for _, candidate := range append(Set{c}, s...) {
			if candidate.Kind() == table[i].name {
				next = append(next, candidate)
				break
			}
		}
	}
	return next
}

// Kinds returns the names of the kinds that are there.
func (s Set) Kinds() []string {
	var names []string
	for _, c := range s {
		names = append(names, c.Kind())
	}
	return names
}

// Signature returns the signature, nil when there is none.
func (s Set) Signature() *Signature { return Of[*Signature](s) }

// Read reads the credentials of a form.
func Read(f *form.Fields, in *Reading) Set {
	var s Set
	for i := range table {
		name := table[i].name
		if f.IsNull(name) {
			f.Skip(name)
			continue
		}
		if c := table[i].credential(); c.read(f, in) {
			s = append(s, c)
		}
	}
	return s
}

// Check finds what is wrong with the credentials beside each other, and with a
// sender of which the facts are known.
func (s Set) Check(f *form.Fields, facts ProviderFacts) {
	for _, c := range s {
		c.check(f, facts)
	}
	s.checkHeadersDiffer(f, facts)
}

// Warnings notes settings that are allowed but probably a mistake.
func (s Set) Warnings(facts ProviderFacts, warn Warn) {
	for _, c := range s {
		c.mapSecrets(func(field string, secret Secret) Secret {
			if size, shared := c.keySize(secret, facts); shared && size < shortSecret {
				warn(c.Kind()+"."+field, "such a short secret can be found by trial: at least 16 random bytes are usual")
			}
			return secret
		})
		c.warn(func(field, format string, args ...any) { warn(c.Kind()+"."+field, format, args...) })
	}
}

// shortSecret is the shortest length, in bytes, that causes no warning: a shorter
// secret can be found from one signature by trying.
const shortSecret = 8

// Masked returns the credentials as a reader sees them, with masks for their
// secrets.
func (s Set) Masked() form.Object {
	var members form.Object
	for i := range table {
		at := slices.IndexFunc(s, func(c Credential) bool { return c.Kind() == table[i].name })
		switch {
		case at >= 0:
			members = append(members, form.Field{Name: table[i].name, Value: s[at].masked()})
		case table[i].nullShown:
			members = append(members, form.Field{Name: table[i].name})
		}
	}
	return members
}

// MapSecrets returns a copy with the secrets that change returns.
func (s Set) MapSecrets(change func(Secret) Secret) Set {
	var changed Set
	for _, c := range s {
		changed = append(changed, c.mapSecrets(func(_ string, secret Secret) Secret { return change(secret) }))
	}
	return changed
}

// Secrets returns the secrets of all credentials: what must never be stored in the
// clear, shown or passed on.
func (s Set) Secrets() []Secret {
	var secrets []Secret
	s.MapSecrets(func(secret Secret) Secret {
		secrets = append(secrets, secret)
		return secret
	})
	return secrets
}

// Size counts what the credentials hold in memory besides secrets: the entries of
// lists, and the bytes of texts.
func (s Set) Size() (entries, texts int) {
	for _, c := range s {
		e, t := c.size()
		entries, texts = entries+e, texts+t
	}
	return entries, texts
}

// Headers returns the canonical names of the headers that carry credentials.
// Those of a signature are the sender's.
func (s Set) Headers(signature []string) []string {
	var names []string
	for _, c := range s {
		for _, u := range c.uses(signature) {
			names = append(names, http.CanonicalHeaderKey(u.header))
		}
	}
	return names
}

// Flags are the bits that tell which credentials are stored.
func (s Set) Flags() (flags uint16) {
	for _, c := range s {
		set, _ := c.flags()
		flags |= set
	}
	return flags
}

// AppendTo appends the credentials as they are stored, of which the flags tell.
func (s Set) AppendTo(raw []byte) ([]byte, error) {
	for _, c := range s {
		var err error
		if raw, err = c.appendTo(raw); err != nil {
			return nil, fmt.Errorf("storing %s: %w", c.Kind(), err)
		}
	}
	return raw, nil
}

// ReadStored reads what AppendTo has appended.
func ReadStored(r *wire.StringDecoder, flags uint16) Set {
	var s Set
	for i := range table {
		if flags&table[i].flag != 0 {
			c := table[i].credential()
			c.readStored(r, flags)
			s = append(s, c)
		}
	}
	return s
}

// Logged returns what the log says of the credential that has refused a request
// for the reason, "" for nothing.
func (s Set) Logged(reason string) (key, value string) {
	for _, c := range s {
		if strings.HasPrefix(reason, c.Kind()+"_") {
			return c.logged()
		}
	}
	return "", ""
}
