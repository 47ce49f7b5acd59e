package sender

import (
	"bytes"
	"net/http"
	"strings"
)

// IsForm looks only at the media type: whatever its parameters are, the body is
// a form.
func IsForm(header http.Header) bool {
	kind, _, _ := strings.Cut(header.Get("Content-Type"), ";")
	return strings.EqualFold(strings.TrimSpace(kind), "application/x-www-form-urlencoded")
}

// FormValue returns the decoded value of a form field encoded as
// application/x-www-form-urlencoded, or false if the field is missing, empty,
// malformed or repeated.
func FormValue(body []byte, field string) ([]byte, bool) {
	var found []byte
	for rest, more := body, true; more; {
		var pair []byte
		pair, rest, more = bytes.Cut(rest, []byte("&"))
		name, value, _ := bytes.Cut(pair, []byte("="))
		if len(name) > 3*len(field) { // a byte takes three at most
			continue
		}
		if decoded, ok := unescape(name); !ok || string(decoded) != field {
			continue
		}
		if found != nil || len(value) == 0 {
			return nil, false
		}
		var ok bool
		if found, ok = unescape(value); !ok {
			return nil, false
		}
	}
	return found, found != nil
}

// unescape decodes into newly allocated memory.
func unescape(text []byte) ([]byte, bool) {
	decoded := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case '+':
			decoded = append(decoded, ' ')
		case '%':
			if i+2 >= len(text) {
				return nil, false
			}
			high, low := digit(text[i+1]), digit(text[i+2])
			if high > 15 || low > 15 {
				return nil, false
			}
			decoded = append(decoded, high<<4|low)
			i += 2
		default:
			decoded = append(decoded, c)
		}
	}
	return decoded, true
}

// digit returns the value of a hexadecimal digit, or more than 15 for any other
// byte.
func digit(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10
	}
	return 0xff
}
