package form

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxDepth bounds how deep a document nests; an integration needs three.
const maxDepth = 16

var errJSON = errors.New("the body is not a single valid JSON value")

// Decode reads one JSON document more strictly than encoding/json does: it
// refuses a key that occurs twice, text that is not Unicode, and anything after
// the value. The error is a Refusal, which shows nothing of the document but the
// name of a key.
func Decode(text []byte) (any, error) {
	document, err := decode(text)
	if err != nil {
		return nil, &Refusal{[]Fault{{Code: Invalid, Message: err.Error()}}}
	}
	return document, nil
}

func decode(data []byte) (any, error) {
	if !utf8.Valid(data) {
		return nil, errJSON
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	document, err := decodeValue(decoder, 0)
	if err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errJSON
	}
	return document, nil
}

func decodeValue(decoder *json.Decoder, depth int) (any, error) {
	if depth > maxDepth {
		return nil, errors.New("the body nests too deep")
	}
	token, err := decoder.Token()
	if err != nil {
		return nil, errJSON
	}
	switch token := token.(type) {
	case json.Delim:
		if token == '{' {
			return decodeObject(decoder, depth)
		}
		return decodeArray(decoder, depth)
	case string:
		return token, unicodeText(token)
	default:
		return token, nil
	}
}

func decodeObject(decoder *json.Decoder, depth int) (any, error) {
	object := make(map[string]any)
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return nil, errJSON
		}
		name := token.(string) // else Token would have failed
		if err := unicodeText(name); err != nil {
			return nil, err
		}
		if _, twice := object[name]; twice {
			return nil, fmt.Errorf("the field %.64q is repeated", name)
		}
		if object[name], err = decodeValue(decoder, depth+1); err != nil {
			return nil, err
		}
	}
	if _, err := decoder.Token(); err != nil {
		return nil, errJSON
	}
	return object, nil
}

func decodeArray(decoder *json.Decoder, depth int) (any, error) {
	array := []any{}
	for decoder.More() {
		value, err := decodeValue(decoder, depth+1)
		if err != nil {
			return nil, err
		}
		array = append(array, value)
	}
	if _, err := decoder.Token(); err != nil {
		return nil, errJSON
	}
	return array, nil
}

// unicodeText refuses half of a surrogate pair, which the decoder turns into
// U+FFFD: a secret must not change on its way in.
func unicodeText(text string) error {
	if strings.ContainsRune(text, utf8.RuneError) {
		return errors.New("the body contains text that is not valid Unicode")
	}
	return nil
}

// MergePatch applies a JSON merge patch (RFC 7396, section 2) to a decoded
// document. Neither argument is changed.
func MergePatch(target, patch any) any {
	changes, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	merged := make(map[string]any)
	if object, ok := target.(map[string]any); ok {
		for name, value := range object {
			merged[name] = value
		}
	}
	for name, value := range changes {
		if value == nil {
			delete(merged, name)
			continue
		}
		merged[name] = MergePatch(merged[name], value)
	}
	return merged
}

// Cleared returns the names of the fields that a merge patch sets to null, by the
// path of their object.
func Cleared(patch any) map[string][]string {
	found := make(map[string][]string)
	var look func(path string, value any)
	look = func(path string, value any) {
		object, _ := value.(map[string]any)
		at := Fields{path: path}
		for _, name := range slices.Sorted(maps.Keys(object)) {
			if object[name] == nil {
				found[path] = append(found[path], name)
			}
			look(at.At(name), object[name])
		}
	}
	look("", patch)
	return found
}

// Member returns the object under a name, nil when there is none.
func Member(document any, name string) map[string]any {
	object, _ := document.(map[string]any)
	inner, _ := object[name].(map[string]any)
	return inner
}
