package admin

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hookgate/hookgate/internal/integration"
)

const (
	maxBody = 1 << 20 // bytes

	// bodyTime is how long a body may take: 10 s plus its size at 64 KiB/s.
	bodyTime = 26 * time.Second
	// lingerTime is how long to wait for the rest of a refused body.
	lingerTime = 5 * time.Second

	defaultLimit = 50
	maxLimit     = 500 // items of a page
)

// split returns the decoded segments of a path. Spellings that a rule about
// paths might interpret differently from this handler are refused.
func split(escaped string) ([]string, error) {
	path, ok := strings.CutPrefix(escaped, "/")
	if !ok {
		return nil, badRequest("the path does not begin with a slash")
	}
	lower := strings.ToLower(path)
	for _, code := range []string{"%2f", "%5c", "%2e"} {
		if strings.Contains(lower, code) {
			return nil, badRequest("the path contains an encoded slash, backslash or dot")
		}
	}
	segments := strings.Split(path, "/")
	for i, segment := range segments {
		switch segment {
		case "":
			return nil, badRequest("the path contains a double or trailing slash")
		case ".", "..":
			return nil, badRequest("the path contains a dot segment")
		}
		text, err := url.PathUnescape(segment)
		if err != nil {
			return nil, badRequest("the path is not properly encoded")
		}
		segments[i] = text
	}
	return segments, nil
}

// body reads the body of a write.
func (c *call) body() ([]byte, error) {
	kind, params, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	charset := strings.ToLower(params["charset"])
	if err != nil || (kind != "application/json" && kind != "application/merge-patch+json") || (charset != "" && charset != "utf-8") {
		return nil, &refusal{http.StatusUnsupportedMediaType, "the content type must be application/json or application/merge-patch+json"}
	}
	if coding := c.r.Header.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		return nil, &refusal{http.StatusUnsupportedMediaType, "a content encoding is not supported"}
	}
	tooLarge := &refusal{http.StatusRequestEntityTooLarge, "the body is larger than 1 MiB"}
	if c.r.ContentLength > maxBody {
		return nil, tooLarge
	}
	end, err := c.Reads.bodies.begin(c.r.Context(), c.project)
	if err != nil {
		c.w.Header().Set("Connection", "close") // so that the body is not waited for
		return nil, err
	}
	defer end()
	// The admin endpoint's own deadline is too short for a large body; if it
	// cannot be changed, it stays as it is.
	_ = http.NewResponseController(c.w).SetReadDeadline(time.Now().Add(bodyTime))
	text, err := io.ReadAll(http.MaxBytesReader(c.w, c.r.Body, maxBody))
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return nil, tooLarge
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, &refusal{http.StatusRequestTimeout, "the body arrived too slowly"}
	case err != nil:
		return nil, badRequest("the body ended early")
	}
	return text, nil
}

// query returns the parameters of the query, each of which may occur once.
func (c *call) query() (url.Values, error) {
	query, err := url.ParseQuery(c.r.URL.RawQuery)
	if err != nil {
		return nil, badRequest("the query is not properly encoded")
	}
	for name, values := range query {
		if len(values) > 1 {
			return nil, badRequest("the query repeats %.64q", name)
		}
	}
	return query, nil
}

// limit returns the requested number of items per page.
func limit(query url.Values) (int, error) {
	text := query.Get("limit")
	if text == "" {
		return defaultLimit, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > maxLimit {
		return 0, badRequest("limit: must be from 1 to %d", maxLimit)
	}
	return n, nil
}

// precondition returns the request's condition on the current state.
func (c *call) precondition() integration.Precondition {
	list := func(name string) string {
		values := c.r.Header.Values(name)
		if len(values) == 0 {
			return ""
		}
		return strings.Join(values, ",") + "," // an empty field is not a missing one
	}
	return integration.Precondition{IfMatch: list("If-Match"), IfNoneMatch: list("If-None-Match")}
}

// A cursor identifies the list that it belongs to, and a place in it.

func encodeCursor(scope, place []string) string {
	text := strings.Join(scope, "/") + "\n" + strings.Join(place, "/")
	return base64.RawURLEncoding.EncodeToString([]byte(text))
}

// decodeCursor returns the place, or nil without a cursor. A cursor of another
// list is not found here.
func decodeCursor(text string, scope []string) (place []string, err error) {
	if text == "" {
		return nil, nil
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	list, rest, ok := strings.Cut(string(raw), "\n")
	if err != nil || !ok {
		return nil, badCursor
	}
	if !slices.Equal(strings.Split(list, "/"), scope) {
		return nil, &refusal{http.StatusNotFound, "no such cursor in this list"}
	}
	return strings.Split(rest, "/"), nil
}

var badCursor = badRequest("cursor: must be one that a list has returned")

// answer writes a JSON document.
func (c *call) answer(status int, document any) {
	text, err := encode(document)
	if err != nil {
		c.fail(err)
		return
	}
	c.head(int64(len(text)))
	if status == http.StatusRequestEntityTooLarge {
		c.w.Header().Set("Connection", "close")
	}
	c.w.WriteHeader(status)
	_, _ = c.out.Write(text) // there is nobody left to tell
	if status == http.StatusRequestEntityTooLarge {
		c.linger()
	}
}

// encode returns a JSON document and a line break.
func encode(document any) ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(document)
	return text.Bytes(), err
}

// head writes the header of the answer. An unknown length is -1.
func (c *call) head(length int64) {
	header := c.w.Header()
	header.Set("Content-Type", "application/json")
	header.Set("Cache-Control", "no-store")
	if length >= 0 {
		header.Set("Content-Length", strconv.FormatInt(length, 10))
	}
}

// linger discards the rest of a body that is too large, for a while: a
// connection that is closed with unread bytes is reset, and the caller may then
// never see the answer.
func (c *call) linger() {
	control := http.NewResponseController(c.w)
	if control.Flush() == nil && control.SetReadDeadline(time.Now().Add(lingerTime)) == nil {
		_, _ = io.Copy(io.Discard, c.r.Body)
	}
}
