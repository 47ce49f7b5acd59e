package provider

import "encoding/json"

// signedObject is a JSON object whose members are signed one by one. None of
// its names stands there twice: which of two counts, whoever gets the body
// might decide in another way.
type signedObject map[string]json.RawMessage

func readSignedObject(raw json.RawMessage) (signedObject, bool) {
	members, ok := topMembers(raw)
	return members, ok
}

// object returns a member that is an object.
func (o signedObject) object(name string) (signedObject, bool) {
	return readSignedObject(o[name])
}

// list returns a member that is a list, and not empty.
func (o signedObject) list(name string) ([]json.RawMessage, bool) {
	var list []json.RawMessage
	if json.Unmarshal(o[name], &list) != nil {
		return nil, false
	}
	return list, len(list) > 0
}

// text returns a member that is a string, "" without it.
func (o signedObject) text(name string) (text string, ok bool) {
	raw, found := o[name]
	if found {
		ok = json.Unmarshal(raw, &text) == nil
	}
	return text, ok || !found
}
