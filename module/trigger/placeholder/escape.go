package placeholder

import (
	"bytes"
	"encoding/json"
	"net/url"
	"strings"

	"github.com/hookgate/hookgate/internal/syntax"
)

// escapeSegment makes a value the text of one path segment, which it cannot
// leave: neither a slash nor a dot segment gets through.
func escapeSegment(value string) (string, error) {
	if value == "" || value == "." || value == ".." || syntax.HasControl(value) {
		return "", errSegment
	}
	return url.PathEscape(value), nil
}

func escapeQuery(value string) (string, error) {
	return url.QueryEscape(value), nil
}

// escapeHeader refuses what could end a header line.
func escapeHeader(value string) (string, error) {
	if syntax.HasControl(value) {
		return "", errHeader
	}
	return value, nil
}

// escapeJSON makes a value the inside of a JSON string.
func escapeJSON(value string) (string, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return "", err
	}
	quoted := strings.TrimSuffix(out.String(), "\n")
	return quoted[1 : len(quoted)-1], nil
}
