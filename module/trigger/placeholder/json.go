package placeholder

import "github.com/hookgate/hookgate/module/trigger"

// JSON is a template for a JSON document. Placeholders stand inside its strings;
// a template that is JSON without its placeholders is JSON with any values.
type JSON struct{ template template }

// ParseJSON prepares a JSON document. The operator's values are escaped as the
// event's are.
func ParseJSON(text string, expand Expand) (*JSON, error) {
	parts, err := parse(text, func(placeholder string) (string, error) {
		value, err := expand.one(placeholder)
		if err != nil {
			return "", err
		}
		return escapeJSON(value)
	})
	if err != nil {
		return nil, err
	}
	return &JSON{parts}, nil
}

// For returns the document for an event.
func (j *JSON) For(event *trigger.Event) ([]byte, error) {
	text, err := j.template.render(event, escapeJSON)
	return []byte(text), err
}
