package provider

import (
	"strings"
	"unicode/utf8"

	"github.com/tidwall/gjson"

	jsondocument "github.com/hookgate/hookgate/internal/document"
)

// readSigned reads a body whose members are signed one by one.
func readSigned(body []byte) (gjson.Result, bool) {
	value, err := jsondocument.Check(body)
	if err != nil || !utf8.Valid(value) {
		return gjson.Result{}, false
	}
	return gjson.ParseBytes(value), true
}

// members finds members of an object in one pass: found gets one for each of
// the names, which does not exist where it is not there. None of them may stand
// there twice, also in another case: which of two counts, whoever gets the body
// might decide in another way.
func members(object gjson.Result, names []string, found []gjson.Result) bool {
	if !object.IsObject() {
		return false
	}
	unique := true
	object.ForEach(func(name, value gjson.Result) bool {
		for i, wanted := range names {
			if name.Str == wanted {
				unique = !found[i].Exists()
				found[i] = value
			} else if strings.EqualFold(name.Str, wanted) {
				unique = false
			}
			if !unique {
				return false
			}
		}
		return true
	})
	return unique
}

// isText says whether a member is a string, or nothing.
func isText(value gjson.Result) bool { return value.Type == gjson.String || value.Type == gjson.Null }

// eachEntry checks the entries of a list, up to the first with which something
// is wrong. An empty list is no better than none.
func eachEntry(list gjson.Result, check func(entry gjson.Result) Reason) Reason {
	if !list.IsArray() {
		return Malformed
	}
	reason := Malformed
	list.ForEach(func(_, entry gjson.Result) bool {
		reason = check(entry)
		return reason == ""
	})
	return reason
}
