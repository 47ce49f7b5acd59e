package form

import (
	"bytes"
	"encoding/json"
)

// Object is a JSON object whose fields keep their order.
type Object []Field

// Field is a field of an Object.
type Field struct {
	Name  string
	Value any
}

// MarshalJSON leaves it to whoever encodes the whole whether HTML is escaped.
func (o Object) MarshalJSON() ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	text.WriteByte('{')
	for i, field := range o {
		if i > 0 {
			text.WriteByte(',')
		}
		if err := encoder.Encode(field.Name); err != nil {
			return nil, err
		}
		text.WriteByte(':')
		if err := encoder.Encode(field.Value); err != nil {
			return nil, err
		}
	}
	text.WriteByte('}')
	return text.Bytes(), nil
}
