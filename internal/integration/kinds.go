package integration

import (
	"net/http"
	"slices"

	"github.com/hookgate/hookgate/internal/form"
)

// What has to be known of each kind of credential is gathered here, as far as it
// does not stand where the kind is read, stored and shown.

// configured names the ways in that there are.
func (a *Authentication) configured() []string {
	var names []string
	for _, way := range []struct {
		name  string
		there bool
	}{
		{"secure_header", a.SecureHeader != nil},
		{"signature", a.Signature != nil},
		{"basic", a.Basic != nil},
		{"bearer", a.Bearer != nil},
		{"jwt", a.JWT != nil},
		{"client_certificate", a.ClientCertificate != nil},
		{"source_ips", len(a.SourceIPs) > 0},
	} {
		if way.there {
			names = append(names, way.name)
		}
	}
	return names
}

// mapSecrets returns a copy whose secrets are what change makes of them. It gets
// the path of each below authentication.
func (a Authentication) mapSecrets(change func(field string, secret Secret) Secret) Authentication {
	list := func(field string, secrets []Secret) []Secret {
		changed := make([]Secret, len(secrets))
		for i, secret := range secrets {
			changed[i] = change(form.Item(field, i), secret)
		}
		return changed
	}
	if header := a.SecureHeader; header != nil {
		a.SecureHeader = &SecureHeader{header.Name, change("secure_header.value", header.Value)}
	}
	if signature := a.Signature; signature != nil {
		a.Signature = &Signature{signature.Provider, signature.Description, list("signature.secrets", signature.Secrets), signature.Tolerance}
	}
	if basic := a.Basic; basic != nil {
		a.Basic = &Basic{basic.Username, change("basic.password", basic.Password)}
	}
	if bearer := a.Bearer; bearer != nil {
		a.Bearer = &Bearer{list("bearer.tokens", bearer.Tokens)}
	}
	return a
}

// Secrets returns the secrets of all ways in: what must never be stored in the
// clear, shown or passed on.
func (a *Authentication) Secrets() []Secret {
	var secrets []Secret
	a.mapSecrets(func(_ string, secret Secret) Secret {
		secrets = append(secrets, secret)
		return secret
	})
	return secrets
}

// use is a header that carries a credential.
type use struct {
	field  string // below authentication, that chooses the header
	header string
}

func (a *Authentication) uses(signature []string) []use {
	var uses []use
	if a.SecureHeader != nil {
		uses = append(uses, use{"secure_header.name", a.SecureHeader.Name})
	}
	if a.Signature != nil {
		for _, header := range signature {
			uses = append(uses, use{"signature.provider", header})
		}
	}
	if a.Basic != nil {
		uses = append(uses, use{"basic", "Authorization"})
	}
	if a.Bearer != nil {
		uses = append(uses, use{"bearer", "Authorization"})
	}
	if a.JWT != nil {
		uses = append(uses, use{"jwt.header", a.JWT.Header})
	}
	return uses
}

// Headers returns the canonical names of the headers that carry credentials.
// Those of the signature are given, for its provider knows them.
func (a *Authentication) Headers(signature []string) []string {
	return each(a.uses(signature), func(u use) string { return http.CanonicalHeaderKey(u.header) })
}

// parts returns what weight counts of the ways in besides the secrets: the entries
// of lists, and the bytes of all texts.
func (a *Authentication) parts() (entries, texts int) {
	if a.SecureHeader != nil {
		texts += len(a.SecureHeader.Name)
	}
	if a.Signature != nil {
		texts += len(a.Signature.Provider)
		if a.Signature.Description != nil {
			texts += maxDescription / 4
		}
	}
	if a.Basic != nil {
		texts += len(a.Basic.Username)
	}
	if a.JWT != nil {
		entries += len(a.JWT.Claims)
		texts += len(a.JWT.Issuer) + len(a.JWT.Audience) + len(a.JWT.Header)
		for name, value := range a.JWT.Claims {
			text, _ := value.(string)
			texts += len(name) + len(text)
		}
	}
	if a.ClientCertificate != nil {
		for _, name := range slices.Concat(a.ClientCertificate.SANs, a.ClientCertificate.Fingerprints) {
			entries++
			texts += len(name)
		}
	}
	return entries + len(a.SourceIPs), texts
}
