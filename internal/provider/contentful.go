package provider

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	public "github.com/hookgate/hookgate/module/provider"
)

// contentful checks what Contentful signs: method, path, the headers that the
// request lists, and the body.
type contentful struct {
	keys []*macs
}

const (
	contentfulSignature = "X-Contentful-Signature"
	contentfulHeaders   = "X-Contentful-Signed-Headers"
	contentfulTime      = "X-Contentful-Timestamp"
	// maxContentfulHeaders bounds how many headers are signed.
	maxContentfulHeaders = 64
)

var contentfulClock = compileTime(&public.Time{Place: header(contentfulTime), Format: public.UnixMillis})

func newContentful(secrets []string) (public.Verifier, error) {
	return contentful{sha256MACs(secrets)}, nil
}

func (c contentful) Verify(r *public.Request) Reason {
	at := r.Header[contentfulTime]
	if len(at) != 1 {
		return Malformed
	}
	if reason := contentfulClock.check(at[0], r.Now); reason != "" {
		return reason
	}
	content, ok := contentfulContent(r)
	if !ok {
		return Malformed
	}
	sent, match := []byte(r.Header.Get(contentfulSignature)), 0
	for _, key := range c.keys {
		match |= hmacEqual(sent, contentfulSign(key, content, r.Body))
	}
	if match != 1 {
		return Mismatch
	}
	return ""
}

// contentfulContent is what is signed before the body. The list of headers
// and the time are always among them.
func contentfulContent(r *public.Request) (string, bool) {
	address, err := url.Parse(r.URL)
	list := r.Header[contentfulHeaders]
	if err != nil || address.RawQuery != "" || len(list) != 1 {
		return "", false
	}
	names := strings.Split(list[0], ",")
	slices.Sort(names)
	if len(names) > maxContentfulHeaders ||
		!slices.Contains(names, strings.ToLower(contentfulHeaders)) || !slices.Contains(names, strings.ToLower(contentfulTime)) {
		return "", false
	}
	fields := make([]string, len(names))
	for i, name := range names {
		values := r.Header[http.CanonicalHeaderKey(name)]
		if len(values) != 1 || name != strings.ToLower(name) || i > 0 && name == names[i-1] {
			return "", false
		}
		fields[i] = name + ":" + values[0]
		if name == strings.ToLower(contentfulHeaders) {
			fields[i] = name + ":" + strings.Join(names, ",")
		}
	}
	return r.Method + "\n" + address.EscapedPath() + "\n" + strings.Join(fields, ";") + "\n", true
}

func contentfulSign(key *macs, content string, body []byte) []byte {
	return hex.AppendEncode(nil, key.sum([]byte(content), body))
}

// signContentful signs a test event.
func signContentful(secret string, r *public.Request) error {
	r.Header.Set(contentfulTime, contentfulClock.write(r.Now))
	r.Header.Set(contentfulHeaders, strings.ToLower(contentfulHeaders+","+contentfulTime))
	content, ok := contentfulContent(r)
	if !ok {
		return errors.New("signing for contentful: the URL has a query")
	}
	r.Header.Set(contentfulSignature, string(contentfulSign(newMACs(sha256.New, []byte(secret)), content, r.Body)))
	return nil
}
