package integration

import (
	"encoding/hex"
	"net/netip"
	"strings"

	"github.com/hookgate/hookgate/internal/form"
)

// ClientCertificate is the certificate with which a sender opens its TLS
// connections: one that has any of the names or fingerprints.
type ClientCertificate struct {
	// SANs are names of its extension subjectAltName (RFC 5280, 4.2.1.6): of a
	// host, a mail address, or a URI such as spiffe://example.com/sender. They
	// count only in a certificate that the site has verified.
	SANs []string
	// Fingerprints are SHA-256 digests of the certificate, in hex. Since the
	// sender proves to have the key, they count in any.
	Fingerprints []string
}

// The bounds of what is said about certificates.
const (
	maxNames    = 50
	maxNameSize = 1024 // bytes
)

func certificate(f *form.Fields) *ClientCertificate {
	if f == nil {
		return nil
	}
	c := &ClientCertificate{SANs: f.List("sans"), Fingerprints: f.List("fingerprints")}
	f.End()
	switch {
	case !f.Sound("sans") || !f.Sound("fingerprints"):
	case len(c.SANs)+len(c.Fingerprints) == 0:
		f.Refuse("", form.Required, "a name in sans is needed, or one of the fingerprints")
	case max(len(c.SANs), len(c.Fingerprints)) > maxNames:
		f.Refuse("", form.TooMany, "at most %d sans and %d fingerprints are allowed", maxNames, maxNames)
	}
	for i, name := range c.SANs {
		if reason := checkName(name); reason != "" {
			f.Refuse(form.Item("sans", i), form.Invalid, "%s%s", reason, f.Show(name))
		}
	}
	for i, text := range c.Fingerprints {
		if digest, err := hex.DecodeString(text); err != nil || len(digest) != 32 || strings.ToLower(text) != text {
			f.Refuse(form.Item("fingerprints", i), form.Invalid, "the SHA-256 of the certificate is needed, as 64 hexadecimal digits in lower case%s", f.Show(text))
		}
	}
	return c
}

// checkName says what is wrong with a name.
func checkName(name string) string {
	_, err := netip.ParseAddr(name)
	switch {
	case name == "" || len(name) > maxNameSize || !visible(name) || strings.Contains(name, " "):
		return "a host name, mail address or URI is needed, in printable ASCII"
	case err == nil:
		return "an address is no name: see source_ips"
	case strings.Contains(name, "*"):
		return "names are compared as they are: no * stands for others"
	}
	return ""
}
