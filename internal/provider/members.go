package provider

import (
	"strings"
	"unicode/utf8"

	"github.com/tidwall/gjson"

	jsondocument "github.com/hookgate/hookgate/internal/document"
)

// signedObject is a JSON object whose members are signed one by one. None of
// its names stands there twice, also in another case: which of two counts,
// whoever gets the body might decide in another way.
type signedObject []signedMember

type signedMember struct {
	name  string
	value gjson.Result
}

// maxMembers bounds what an unknown caller can make the gateway remember of a
// body. Senders write some twenty.
const maxMembers = 256

// readSignedObject reads the JSON object that a body is.
func readSignedObject(body []byte) (signedObject, bool) {
	value, err := jsondocument.Check(body)
	if err != nil || !utf8.Valid(value) {
		return nil, false
	}
	return signedMembers(gjson.ParseBytes(value))
}

// signedMembers reads an object inside of one that has been read.
func signedMembers(value gjson.Result) (signedObject, bool) {
	if !value.IsObject() {
		return nil, false
	}
	var o signedObject
	unique := true
	value.ForEach(func(name, member gjson.Result) bool {
		for i := range o {
			unique = unique && !strings.EqualFold(o[i].name, name.Str)
		}
		o = append(o, signedMember{name.Str, member})
		return unique && len(o) <= maxMembers
	})
	return o, unique && len(o) <= maxMembers
}

// get returns a member, which does not exist when it is not there.
func (o signedObject) get(name string) gjson.Result {
	for i := range o {
		if o[i].name == name {
			return o[i].value
		}
	}
	return gjson.Result{}
}

// object returns a member that is an object.
func (o signedObject) object(name string) (signedObject, bool) { return signedMembers(o.get(name)) }

// text returns a member that is a string, "" without it.
func (o signedObject) text(name string) (string, bool) {
	value := o.get(name)
	return value.Str, value.Type == gjson.String || value.Type == gjson.Null
}

// each checks the entries of a member that is a list, up to the first with
// which something is wrong. An empty list is no better than none.
func (o signedObject) each(name string, check func(entry gjson.Result) Reason) Reason {
	list := o.get(name)
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
