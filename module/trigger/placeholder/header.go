package placeholder

import (
	"fmt"
	"net/http"
	"net/textproto"

	"golang.org/x/net/http/httpguts"

	"github.com/hookgate/hookgate/internal/syntax"
	"github.com/hookgate/hookgate/module/trigger"
)

// Header holds header fields by canonical name. Their values may have
// placeholders.
type Header map[string][]template

// ParseHeader prepares header fields. Those that CanSet refuses, such as Host and
// Content-Length, are an error.
func ParseHeader(configured map[string][]string, expand Expand) (Header, error) {
	parsed := make(Header, len(configured))
	for name, lines := range configured {
		canonical := textproto.CanonicalMIMEHeaderKey(name)
		switch {
		case !httpguts.ValidHeaderFieldName(name):
			return nil, fmt.Errorf("%q is not a header name", name)
		case !CanSet(canonical):
			return nil, fmt.Errorf("the header %s cannot be set", canonical)
		case parsed[canonical] != nil:
			return nil, fmt.Errorf("the header %s is set twice", canonical)
		case len(lines) == 0:
			return nil, fmt.Errorf("the header %s has no value", canonical)
		}
		for _, line := range lines {
			value, err := parse(line, expand)
			if err != nil {
				return nil, fmt.Errorf("reading the value of the header %s: %w", canonical, err)
			}
			for _, p := range value {
				if syntax.HasControl(p.text) {
					return nil, fmt.Errorf("the value of the header %s has a control character", canonical)
				}
			}
			parsed[canonical] = append(parsed[canonical], value)
		}
	}
	return parsed, nil
}

// framing headers are written by the transport for each request.
var framing = map[string]bool{"Host": true, "Content-Length": true, "Expect": true, "Proxy-Connection": true}

// CanSet reports whether a header field, given by its canonical name, may be set
// by an operator or passed on from a sender: it neither belongs to a connection
// nor frames a request.
func CanSet(canonical string) bool {
	return !framing[canonical] && !syntax.IsConnectionHeader(canonical)
}

// Set sets the fields for an event, in place of those of the same name. The
// error means that a value cannot stand in a header; it names no value.
func (h Header) Set(header http.Header, event *trigger.Event) error {
	for name, lines := range h {
		delete(header, name)
		for _, line := range lines {
			value, err := line.render(event, escapeHeader)
			if err != nil {
				return err
			}
			header[name] = append(header[name], value)
		}
	}
	return nil
}
