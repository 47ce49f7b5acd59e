package provider

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"slices"
	"strings"

	public "github.com/hookgate/hookgate/module/provider"
)

// twilio checks what Twilio signs: the URL with, of a form, every parameter in
// order; of any other body the URL holds the digest.
type twilio struct {
	keys []*macs
}

const twilioHeader = "X-Twilio-Signature"

func newTwilio(secrets []string) (public.Verifier, error) {
	var t twilio
	for _, secret := range secrets {
		t.keys = append(t.keys, newMACs(sha1.New, public.Base64, []byte(secret)))
	}
	return t, nil
}

func (t twilio) Verify(r *public.Request) Reason {
	fields, reason := twilioFields(r)
	if reason != "" {
		return reason
	}
	sent := r.Header.Get(twilioHeader)
	match := 0
	addresses := twilioURLs(r.URL)
	for _, key := range t.keys {
		for _, address := range addresses {
			match |= key.compare(sent, nil, address, fields)
		}
	}
	if match != 1 {
		return Mismatch
	}
	return ""
}

// content puts the parameters of a form in order, as they are signed.
func (t twilio) content(r *public.Request) []byte {
	if fields, _ := twilioFields(r); fields != "" {
		return []byte(fields)
	}
	return r.Body
}

// maxTwilioFields bounds how many parameters are put in order.
const maxTwilioFields = 1000

// twilioFields returns what is signed besides the URL: each name of the form
// with each of its values, in order. A body that is no form must be the one
// whose digest the URL holds.
func twilioFields(r *public.Request) (string, Reason) {
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

// twilioURLs are the spellings of the URL that Twilio may have signed: with
// the port of its scheme and without.
func twilioURLs(address string) []string {
	parsed, err := url.Parse(address)
	if err != nil || parsed.Host == "" {
		return []string{address}
	}
	port := map[string]string{"https": ":443", "http": ":80"}[parsed.Scheme]
	host, cut := strings.CutSuffix(parsed.Host, port)
	if !cut && parsed.Port() != "" || port == "" {
		return []string{address}
	}
	with, without := parsed.Scheme+"://"+host+port, parsed.Scheme+"://"+host
	rest, found := strings.CutPrefix(address, parsed.Scheme+"://"+parsed.Host)
	if !found { // with a user in it, or in upper case
		return []string{address}
	}
	return []string{with + rest, without + rest}
}

// signTwilio signs a test event.
func signTwilio(secret string, r *public.Request) error {
	if !IsForm(r.Header) && !query(r.URL).Has("bodySHA256") {
		sum := sha256.Sum256(r.Body)
		separator := "?"
		if strings.Contains(r.URL, "?") {
			separator = "&"
		}
		r.URL += separator + "bodySHA256=" + hex.EncodeToString(sum[:])
	}
	fields, _ := twilioFields(r)
	r.Header.Set(twilioHeader, newMACs(sha1.New, public.Base64, []byte(secret)).text(nil, r.URL, fields))
	return nil
}
