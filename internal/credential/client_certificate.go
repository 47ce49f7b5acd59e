package credential

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"net/netip"
	"slices"
	"strings"

	"github.com/hookgate/hookgate/internal/form"
	"github.com/hookgate/hookgate/internal/sender"
	"github.com/hookgate/hookgate/internal/wire"
	"github.com/hookgate/hookgate/module/provider"
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

// Kind implements Credential.
func (*ClientCertificate) Kind() string { return "client_certificate" }

type clientCertificateForm struct {
	SANs         []string `json:"sans,omitempty"`
	Fingerprints []string `json:"fingerprints,omitempty"`
}

func (c *ClientCertificate) read(f *form.Fields, _ *Reading) bool {
	o := f.Object(c.Kind())
	c.SANs, c.Fingerprints = o.List("sans"), o.List("fingerprints")
	o.End()
	switch {
	case !o.Sound("sans") || !o.Sound("fingerprints"):
	case len(c.SANs)+len(c.Fingerprints) == 0:
		o.Refuse("", form.Required, "at least one name in sans or one of the fingerprints is required")
	case max(len(c.SANs), len(c.Fingerprints)) > maxNames:
		o.Refuse("", form.TooMany, "at most %d sans and %d fingerprints are allowed", maxNames, maxNames)
	}
	for i, name := range c.SANs {
		if reason := checkName(name); reason != "" {
			o.Refuse(form.Item("sans", i), form.Invalid, "%s%s", reason, o.Show(name))
		}
	}
	for i, text := range c.Fingerprints {
		if digest, err := hex.DecodeString(text); err != nil || len(digest) != sha256.Size || strings.ToLower(text) != text {
			o.Refuse(form.Item("fingerprints", i), form.Invalid, "must be the SHA-256 of the certificate, as 64 lowercase hexadecimal digits%s", o.Show(text))
		}
	}
	return true
}

// checkName tells what is wrong with a name, "" for nothing.
func checkName(name string) string {
	_, err := netip.ParseAddr(name)
	switch {
	case name == "" || len(name) > maxNameSize || !visible(name) || strings.Contains(name, " "):
		return "must be a host name, mail address or URI, in printable ASCII"
	case err == nil:
		return "an address is not a name: see source_ips"
	case strings.Contains(name, "*"):
		return "names are compared literally: * is not a wildcard"
	}
	return ""
}

// readOption reads
//
//	client_certificate {
//		san         <name...>
//		fingerprint <sha256...>
//	}
func (*ClientCertificate) readOption(o Options) (any, error) {
	var formed clientCertificateForm
	return &formed, o.Block(func(name string) error {
		switch name {
		case "san":
			return o.List(1, &formed.SANs)
		case "fingerprint":
			return o.List(1, &formed.Fingerprints)
		}
		return o.Unknown(&formed)
	})
}

func (*ClientCertificate) check(*form.Fields, ProviderFacts) {}

func (*ClientCertificate) warn(Warn) {}

func (*ClientCertificate) keySize(Secret, ProviderFacts) (int, bool) { return 0, false }

func (c *ClientCertificate) masked() any { return &clientCertificateForm{c.SANs, c.Fingerprints} }

func (*ClientCertificate) shownAbsent() bool { return false }

func (c *ClientCertificate) mapSecrets(func(string, Secret) Secret) Credential { return c }

func (*ClientCertificate) flags() (set, all uint16) { return 1 << 11, 1 << 11 }

func (c *ClientCertificate) appendTo(raw []byte) ([]byte, error) {
	return wire.AppendList(wire.AppendList(raw, c.SANs), c.Fingerprints), nil
}

func (c *ClientCertificate) readStored(r *wire.StringDecoder, _ uint16) {
	c.SANs, c.Fingerprints = r.List(), r.List()
}

func (c *ClientCertificate) size() (entries, texts int) {
	for _, name := range slices.Concat(c.SANs, c.Fingerprints) {
		entries++
		texts += len(name)
	}
	return entries, texts
}

func (*ClientCertificate) uses([]string) []use { return nil }

func (c *ClientCertificate) judge(*Checker) (judge, error) {
	return &certificateJudge{configured: c}, nil
}

func (*ClientCertificate) reasons() []provider.Reason {
	return append([]provider.Reason{sender.Stale}, commonReasons...)
}

func (*ClientCertificate) logged() (key, value string) { return "", "" }

// certificateJudge judges the certificate with which the client has opened the
// connection. Its key is the client's: the TLS handshake has proved that.
type certificateJudge struct {
	seenAtOnce
	configured *ClientCertificate
}

func (*certificateJudge) stage() stage { return byConnection }

func (j *certificateJudge) look(q *Request) (present bool, reason provider.Reason) {
	if q.TLS == nil || len(q.TLS.PeerCertificates) == 0 {
		return false, ""
	}
	leaf := q.TLS.PeerCertificates[0]
	if q.Now.Before(leaf.NotBefore) || q.Now.After(leaf.NotAfter) {
		return true, sender.Stale
	}
	digest := sha256.Sum256(leaf.Raw)
	if slices.Contains(j.configured.Fingerprints, hex.EncodeToString(digest[:])) {
		return true, ""
	}
	verified := len(q.TLS.VerifiedChains) > 0
	if verified && slices.ContainsFunc(j.configured.SANs, func(name string) bool { return hasName(leaf, name) }) {
		return true, ""
	}
	return true, sender.Mismatch
}

func (*certificateJudge) sample(*Sample) error { return sender.ErrSenderSigns }

// hasName reports whether the certificate has the name. Only host names are compared
// without regard to case (RFC 4343).
func hasName(leaf *x509.Certificate, name string) bool {
	local, host, isMail := strings.Cut(name, "@")
	switch {
	case strings.Contains(name, ":"):
		for _, uri := range leaf.URIs {
			if uri.String() == name {
				return true
			}
		}
		return false
	case isMail:
		return slices.ContainsFunc(leaf.EmailAddresses, func(address string) bool {
			user, domain, ok := strings.Cut(address, "@")
			return ok && user == local && strings.EqualFold(domain, host)
		})
	}
	return slices.ContainsFunc(leaf.DNSNames, func(dns string) bool { return strings.EqualFold(dns, name) })
}
