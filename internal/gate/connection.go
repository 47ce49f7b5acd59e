package gate

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/hookgate/hookgate/internal/integration"
	"github.com/hookgate/hookgate/internal/sender"
)

// isSource says whether the client may call at all. Without an address that is
// known nobody may, once there is a list.
func isSource(sources []netip.Prefix, client string) bool {
	if len(sources) == 0 {
		return true
	}
	address, err := netip.ParseAddr(client)
	if err != nil {
		return false
	}
	address = address.WithZone("").Unmap()
	return slices.ContainsFunc(sources, func(p netip.Prefix) bool { return p.Contains(address) })
}

// checkCertificate judges the certificate with which the client has opened the
// connection. Its key is the client's: the TLS handshake has proved that.
func checkCertificate(want *integration.ClientCertificate, connection *tls.ConnectionState, now time.Time) sender.Reason {
	if connection == nil || len(connection.PeerCertificates) == 0 {
		return sender.Missing
	}
	leaf := connection.PeerCertificates[0]
	if now.Before(leaf.NotBefore) || now.After(leaf.NotAfter) {
		return sender.Stale
	}
	digest := sha256.Sum256(leaf.Raw)
	if slices.Contains(want.Fingerprints, hex.EncodeToString(digest[:])) {
		return ""
	}
	verified := len(connection.VerifiedChains) > 0
	if verified && slices.ContainsFunc(want.SANs, func(name string) bool { return hasName(leaf, name) }) {
		return ""
	}
	return sender.Mismatch
}

// hasName compares a name with those of its kind. Only the names of hosts are
// the same in any case (RFC 4343).
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
