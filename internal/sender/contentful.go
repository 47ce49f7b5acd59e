package sender

import (
	"crypto/sha256"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/hookgate/hookgate/module/provider"
)

// contentful checks Contentful's signature: method, path, the headers listed in
// the request, and the body.
type contentful struct {
	keys []*macs
}

const (
	contentfulSignature = "X-Contentful-Signature"
	contentfulHeaders   = "X-Contentful-Signed-Headers"
	contentfulTime      = "X-Contentful-Timestamp"

	// How two of them are written in the list.
	contentfulListHeaders = "x-contentful-signed-headers"
	contentfulListTime    = "x-contentful-timestamp"

	// maxContentfulHeaders bounds how many headers are signed.
	maxContentfulHeaders = 64
)

// contentfulTimes is the signing time.
var contentfulTimes = &provider.Time{Place: header(contentfulTime), Format: provider.UnixMillis}

var contentfulClock = compileTime(contentfulTimes)

func newContentful(secrets []string) (provider.Verifier, error) {
	return contentful{sha256MACs(secrets, provider.Hex)}, nil
}

func (c contentful) Verify(r *provider.Request) Reason {
	at := r.Header[contentfulTime]
	if len(at) != 1 {
		return Malformed
	}
	if reason := contentfulClock.checkOf(at[0], r); reason != "" {
		return reason
	}
	content, ok := contentfulContent(r)
	if !ok {
		return Malformed
	}
	sent, match := r.Header.Get(contentfulSignature), 0
	for _, key := range c.keys {
		match |= key.compare(sent, r.Body, content)
	}
	if match != 1 {
		return Mismatch
	}
	return ""
}

// contentfulContent returns what is signed before the body. The list of headers
// and the time are always included.
func contentfulContent(r *provider.Request) (string, bool) {
	path, list := pathOf(r.URL), r.Header[contentfulHeaders]
	if path == "" || len(list) != 1 || strings.Count(list[0], ",") >= maxContentfulHeaders {
		return "", false
	}
	names := slices.AppendSeq(make([]string, 0, 8), strings.SplitSeq(list[0], ","))
	slices.Sort(names)
	if !slices.Contains(names, contentfulListHeaders) || !slices.Contains(names, contentfulListTime) {
		return "", false
	}
	var content strings.Builder
	content.Grow(len(r.Method) + len(path) + 2*len(list[0]) + 256)
	content.WriteString(r.Method + "\n" + path + "\n")
	for i, name := range names {
		values := r.Header[contentfulHeader(name)]
		if len(values) != 1 || name != strings.ToLower(name) || i > 0 && name == names[i-1] {
			return "", false
		}
		if i > 0 {
			content.WriteByte(';')
		}
		content.WriteString(name)
		content.WriteByte(':')
		if name != contentfulListHeaders {
			content.WriteString(values[0])
			continue
		}
		for j, listed := range names { // in the order of the list, not of the request
			if j > 0 {
				content.WriteByte(',')
			}
			content.WriteString(listed)
		}
	}
	content.WriteByte('\n')
	return content.String(), true
}

// contentfulHeader returns the canonical name of a listed header. The two that
// are always listed need no allocation.
func contentfulHeader(name string) string {
	switch name {
	case contentfulListHeaders:
		return contentfulHeaders
	case contentfulListTime:
		return contentfulTime
	}
	return http.CanonicalHeaderKey(name)
}

// pathOf returns the path of an address as it is written, or "" if it has a
// query.
func pathOf(address string) string {
	_, rest, _ := strings.Cut(address, "://")
	slash := strings.IndexByte(rest, '/')
	if slash < 0 || strings.ContainsAny(rest, "?#") {
		return ""
	}
	return rest[slash:]
}

// signContentful signs a test event.
func signContentful(secret string, r *provider.Request) error {
	r.Header.Set(contentfulTime, contentfulClock.write(r.Now))
	r.Header.Set(contentfulHeaders, contentfulListHeaders+","+contentfulListTime)
	content, ok := contentfulContent(r)
	if !ok {
		return errors.New("signing for contentful: the URL has a query")
	}
	r.Header.Set(contentfulSignature, newMACs(sha256.New, provider.Hex, []byte(secret)).text(r.Body, content))
	return nil
}
