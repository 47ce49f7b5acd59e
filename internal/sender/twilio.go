package sender

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"iter"
	"net/url"
	"slices"
	"strings"

	"github.com/hookgate/hookgate/module/provider"
)

// twilio checks Twilio's signature: of the URL and, for a form, every parameter
// in order; for any other body the URL contains the digest.
type twilio struct {
	keys []*macs
}

const twilioHeader = "X-Twilio-Signature"

func newTwilio(secrets []string) (provider.Verifier, error) {
	var t twilio
	for _, secret := range secrets {
		t.keys = append(t.keys, newMACs(sha1.New, provider.Base64, []byte(secret)))
	}
	return t, nil
}

func (t twilio) Verify(r *provider.Request) Reason {
	fields, reason := twilioFields(r)
	switch {
	case reason != "":
		return reason
	case strings.HasPrefix(fields, "?") && !strings.Contains(r.URL, "?"):
		return Malformed // a signed query was moved into the form
	}
	sent := r.Header.Get(twilioHeader)
	for address := range twilioURLs(r.URL) {
		match := 0
		for _, key := range t.keys {
			match |= key.compare(sent, nil, address, fields)
		}
		if match == 1 {
			return ""
		}
	}
	return Mismatch
}

// content sorts the parameters of a form the way they are signed.
func (t twilio) content(r *provider.Request) []byte {
	if fields, _ := twilioFields(r); fields != "" {
		return []byte(fields)
	}
	return r.Body
}

// maxTwilioFields bounds how many parameters are sorted.
const maxTwilioFields = 1000

// twilioFields returns what is signed besides the URL: each name of the form
// with each of its values, sorted. Any other body must match the digest in the
// URL.
func twilioFields(r *provider.Request) (string, Reason) {
	parameters := query(r.URL)
	if digest := parameters["bodySHA256"]; len(digest) > 0 || !IsForm(r.Header) {
		sum := sha256.Sum256(r.Body)
		switch {
		case len(digest) != 1:
			return "", Malformed
		case !hmac.Equal([]byte(digest[0]), []byte(hex.EncodeToString(sum[:]))):
			return "", Mismatch
		}
		return "", ""
	}
	form, err := url.ParseQuery(string(r.Body))
	if err != nil {
		return "", Malformed
	}
	names := make([]string, 0, len(form))
	for name := range form {
		names = append(names, name)
	}
	slices.Sort(names)
	var content strings.Builder
	count := 0
	for _, name := range names {
		values := slices.Clone(form[name])
		slices.Sort(values)
		for _, value := range slices.Compact(values) {
			if count++; count > maxTwilioFields {
				return "", Malformed
			}
			content.WriteString(name)
			content.WriteString(value)
		}
	}
	return content.String(), ""
}

// maxSpelled bounds the URLs for which other spellings are tried, in bytes.
const maxSpelled = 8 << 10

// twilioURLs yields the spellings of the URL that Twilio may have signed, as
// Twilio's own library tries them: as it arrived and as a browser would write
// it, then also with its query re-encoded, each without a port and with one.
func twilioURLs(address string) iter.Seq[string] {
	return func(yield func(string) bool) {
		each := func(spelling string) bool {
			forms := withoutAndWithPort(spelling)
			return yield(forms[0]) && yield(forms[1])
		}
		scheme, rest, found := strings.Cut(address, "://")
		if !found || !each(address) || len(address) > maxSpelled {
			return
		}
		end := strings.IndexAny(rest+"/", "/?")
		normal := strings.ToLower(scheme+"://"+rest[:end]) + asBrowser(rest[end:])
		if normal != address && !each(normal) {
			return
		}
		if reencoded := withQueryReencoded(normal); reencoded != normal {
			each(reencoded)
		}
	}
}

// withoutAndWithPort returns the URL without its port, and with that port or
// its scheme's.
func withoutAndWithPort(address string) [2]string {
	scheme, rest, _ := strings.Cut(address, "://")
	end := strings.IndexAny(rest+"/", "/?")
	host, rest := rest[:end], rest[end:]
	port := ":80"
	if strings.EqualFold(scheme, "https") {
		port = ":443"
	}
	// The colons of an IPv6 address are in brackets.
	if colon := strings.LastIndexByte(host, ':'); colon > strings.LastIndexByte(host, ']') {
		host, port = host[:colon], host[colon:]
	}
	return [2]string{scheme + "://" + host + rest, scheme + "://" + host + port + rest}
}

// asBrowser escapes what must be escaped in a query (WHATWG URL, "special-query
// percent-encode set").
func asBrowser(path string) string {
	before, query, found := strings.Cut(path, "?")
	if !found {
		return path
	}
	return before + "?" + escape(query, func(c byte) bool {
		return c > ' ' && c < 0x7f && !strings.ContainsRune(`"#<>'`, rune(c))
	})
}

// withQueryReencoded decodes and re-encodes the query, as Node's legacy module does.
func withQueryReencoded(path string) string {
	before, query, found := strings.Cut(path, "?")
	if !found || query == "" {
		return path
	}
	var names []string
	values := make(map[string][]string)
	for pair := range strings.SplitSeq(query, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		plainName, errName := url.QueryUnescape(name)
		plainValue, errValue := url.QueryUnescape(value)
		if errName != nil || errValue != nil {
			return path
		}
		if _, known := values[plainName]; !known {
			names = append(names, plainName)
		}
		values[plainName] = append(values[plainName], plainValue)
	}
	unreserved := func(c byte) bool {
		return 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' || strings.ContainsRune("-_.!~*'()", rune(c))
	}
	var reencoded []string
	for _, name := range names {
		for _, value := range values[name] {
			reencoded = append(reencoded, escape(name, unreserved)+"="+escape(value, unreserved))
		}
	}
	return before + "?" + strings.Join(reencoded, "&")
}

const upperHex = "0123456789ABCDEF"

// escape percent-encodes all other bytes (RFC 3986, 2.1).
func escape(text string, plain func(byte) bool) string {
	var b strings.Builder
	for i := range len(text) {
		if c := text[i]; plain(c) {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'%', upperHex[c>>4], upperHex[c&15]})
		}
	}
	return b.String()
}

// signTwilio signs a test event.
func signTwilio(secret string, r *provider.Request) error {
	if !IsForm(r.Header) && !query(r.URL).Has("bodySHA256") {
		sum := sha256.Sum256(r.Body)
		separator := "?"
		if strings.Contains(r.URL, "?") {
			separator = "&"
		}
		r.URL += separator + "bodySHA256=" + hex.EncodeToString(sum[:])
	}
	fields, _ := twilioFields(r)
	r.Header.Set(twilioHeader, newMACs(sha1.New, provider.Base64, []byte(secret)).text(nil, r.URL, fields))
	return nil
}
