// Package credential holds the ways in that an integration can have: each kind of
// credential in a file of its own, with everything that the gateway does with it.
//
// A kind is a type that implements Credential, and a line of the table kinds. The
// rest of the gateway goes through the credentials of a Set and knows no kind but
// the signature, which also tells who the sender is. A kind that lacks a part does
// not compile.
package credential

import (
	"github.com/hookgate/hookgate/internal/form"
	"github.com/hookgate/hookgate/internal/wire"
	"github.com/hookgate/hookgate/module/provider"
)

// kinds are all kinds of credentials, in the order in which they are read, shown
// and stored. A new one goes to the end: what is stored depends on the order.
var kinds = [...]func() Credential{
	of[SecureHeader],
	of[Signature],
	of[Basic],
	of[Bearer],
	of[JWT],
	of[ClientCertificate],
	of[SourceIPs],
}

// of returns an empty credential of a kind.
func of[T any, C interface {
	*T
	Credential
}]() Credential {
	return C(new(T))
}

// Credential is one configured credential. Its methods are everything that has to
// be known of its kind; those that fill it are called on an empty one, and nothing
// changes it afterwards.
type Credential interface {
	// Kind is the kind's name: of its member in a form, its option in a Caddyfile,
	// and the reasons for which it refuses a request.
	Kind() string

	// read fills the credential from its member of a form that has one. It reports
	// whether there is a credential to keep, valid or not.
	read(f *form.Fields, in *Reading) bool

	// readOption fills the JSON form of the credential from an option of a
	// Caddyfile. Values are checked when the form is read.
	readOption(o Options) (formed any, err error)

	// check finds what is wrong with the credential in an integration with a
	// sender of which the facts are known.
	check(f *form.Fields, facts ProviderFacts)

	// warn notes settings that are allowed but probably a mistake, besides short
	// secrets.
	warn(warn Warn)

	// keySize is the number of bytes of the key for which a secret stands, or
	// false when the secret is not shared with the sender.
	keySize(secret Secret, facts ProviderFacts) (size int, shared bool)

	// masked is the JSON form of the credential, with masks for its secrets.
	masked() any

	// shownAbsent reports whether an integration without the credential shows null
	// in its place, rather than nothing.
	shownAbsent() bool

	// mapSecrets returns a copy with the secrets that change returns. It is called
	// for each secret, with the path of its field below the credential.
	mapSecrets(change func(field string, secret Secret) Secret) Credential

	// flags returns the bits that are set for the credential in a stored integration,
	// and all that its kind may set: no other kind uses those. The bits that an empty
	// credential sets mark the kind as present.
	flags() (set, all uint16)

	// appendTo appends the credential as it is stored.
	appendTo(raw []byte) ([]byte, error)

	// readStored fills the credential from what appendTo has appended, under the flags
	// that it had then. Anything that appendTo would not have written is an error.
	readStored(r *wire.StringDecoder, flags uint16)

	// size counts what the credential holds in memory besides secrets: the
	// entries of lists, and the bytes of texts.
	size() (entries, texts int)

	// uses lists the headers that carry the credential. Those of a signature are
	// the sender's.
	uses(signature []string) []use

	// judge prepares what verifies the credential of requests. It fails for a
	// credential that should not have been stored.
	judge(c *Checker) (judge, error)

	// reasons are those for which the judge may refuse a request.
	reasons() []provider.Reason

	// logged is what the log says with each of them, "" for nothing.
	logged() (key, value string)
}

// use is a header that carries a credential.
type use struct {
	field  string // below the credential, that chooses the header; "" for none
	header string
}

// Warn notes that a field of a credential is probably a mistake.
type Warn func(field, format string, args ...any)

// kind is what is known of a kind without a credential of it.
type kind struct {
	name       string
	flag, all  uint16
	nullShown  bool
	reasons    []provider.Reason
	credential func() Credential
}

var table = func() (list [len(kinds)]kind) {
	for i, empty := range kinds {
		c := empty()
		set, all := c.flags()
		list[i] = kind{c.Kind(), set, all, c.shownAbsent(), c.reasons(), empty}
	}
	return list
}()

// Kinds returns the names of all kinds.
func Kinds() []string {
	names := make([]string, len(table))
	for i := range table {
		names[i] = table[i].name
	}
	return names
}

// Reasons returns every reason for which a credential may refuse a request, with
// the name of its kind before it.
func Reasons() []string {
	var all []string
	for i := range table {
		for _, reason := range table[i].reasons {
			all = append(all, table[i].name+"_"+string(reason))
		}
	}
	return all
}

// Flags are the bits of all kinds in a stored integration.
func Flags() (all uint16) {
	for i := range table {
		all |= table[i].all
	}
	return all
}
