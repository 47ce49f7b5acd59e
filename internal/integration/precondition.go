package integration

import "strings"

// Precondition holds the fields If-Match and If-None-Match of a request
// (RFC 9110, section 13.1), "" without them.
type Precondition struct {
	IfMatch     string
	IfNoneMatch string
}

// check compares with what exists, or with nothing when in is nil.
func (p Precondition) check(in *Integration) error {
	if p.IfMatch != "" && !listsTag(p.IfMatch, in, false) || p.IfNoneMatch != "" && listsTag(p.IfNoneMatch, in, true) {
		return ErrPrecondition
	}
	return nil
}

// listsTag reports whether a list of entity tags names the integration's. Only
// the weak comparison looks through W/.
func listsTag(list string, in *Integration, weak bool) bool {
	if in == nil {
		return false
	}
	for tag := range strings.SplitSeq(list, ",") {
		tag = strings.TrimSpace(tag)
		if weak {
			tag = strings.TrimPrefix(tag, "W/")
		}
		if tag == "*" || tag == in.ETag() {
			return true
		}
	}
	return false
}
