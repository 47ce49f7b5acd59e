package credential

import (
	"time"

	"github.com/hookgate/hookgate/module/provider"
)

// Options reads an option of a Caddyfile: the words after its name, and the options
// in its block. Errors name the file and the line. Each call but Words, Unknown and
// Errf reads an option to its end.
type Options interface {
	// Words reads between least and most words; with most 0 there is no upper limit. A
	// block may follow them.
	Words(least, most int) ([]string, error)

	// Text reads one word, and Pair two, of which none is empty.
	Text(into *string) error
	Pair(first, second *string) error

	// Secret reads words of which the last is a secret: an error never shows it.
	Secret(into ...*string) error

	// Login reads a user name, which may be empty, and a password.
	Login(user, password *string) error

	// List reads at least that many words.
	List(least int, into *[]string) error

	// Duration reads a length of time above zero.
	Duration(into *time.Duration) error

	// Block calls read for each option of the block that follows, which may be
	// missing. An option that is given twice is an error, unless it is repeatable.
	Block(read func(name string) error, repeatable ...string) error

	// Description reads the block in which an integration describes its sender.
	Description(into *provider.Description) error

	// Unknown is the error for an option that a block does not have. It suggests a name
	// from the JSON fields of the structs that the block fills.
	Unknown(structs ...any) error

	// Errf is an error in the option that is being read.
	Errf(format string, args ...any) error
}

// ReadOption reads the option of a Caddyfile that declares a credential of the
// kind, and returns the JSON form of the credential. known is false for an option
// that declares none.
func ReadOption(kind string, o Options) (formed any, known bool, err error) {
	for i := range table {
		if table[i].name == kind {
			formed, err = table[i].credential().readOption(o)
			return formed, true, err
		}
	}
	return nil, false, nil
}
