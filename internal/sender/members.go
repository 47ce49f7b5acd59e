package sender

import (
	"strings"
	"unicode/utf8"

	"github.com/hookgate/hookgate/internal/jsondoc"
	"github.com/hookgate/hookgate/module/provider"
)

// reading is a verifier of a credential in the body.
type reading interface {
	provider.Verifier
	// verifyBody is Verify with the request's body as a document.
	verifyBody(r *provider.Request, body *jsondoc.Document) Reason
}

// signedMembers finds members of a body that are signed individually, as
// members does for an object. They must not contain invalid Unicode, which
// readers interpret in different ways.
func signedMembers(body *jsondoc.Document, names []string, found []jsondoc.Value) bool {
	value := body.Value()
	return utf8.Valid(value.Raw()) && members(value, names, found)
}

// members finds members of an object in one pass: found gets one value per
// name, which does not exist if the member is missing. None of them may be
// repeated, even in another case: whoever receives the body might use the other
// one.
func members(object jsondoc.Value, names []string, found []jsondoc.Value) bool {
	var room [64]byte
	for name, value := range object.Members() {
		text := name.AppendText(room[:0])
		for i, wanted := range names {
			switch {
			// A letter's other case takes up to three bytes.
			case len(text) < len(wanted) || len(text) > 3*len(wanted) || !strings.EqualFold(string(text), wanted):
			case string(text) != wanted || found[i].Exists():
				return false
			default:
				found[i] = value
			}
		}
	}
	return object.IsObject()
}

// isText reports whether a member is a string or missing.
func isText(value jsondoc.Value) bool { return value.IsString() || value.IsNull() || !value.Exists() }

// eachEntry checks the entries of a list, up to the first invalid one. An empty
// list is as bad as a missing one.
func eachEntry(list jsondoc.Value, check func(entry jsondoc.Value) Reason) Reason {
	reason := Malformed
	for entry := range list.Entries() {
		if reason = check(entry); reason != "" {
			break
		}
	}
	return reason
}
