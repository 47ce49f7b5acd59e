package sender

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"hash/crc32"
	"net/http"
	"strconv"
	"strings"

	"github.com/hookgate/hookgate/internal/syntax"
	"github.com/hookgate/hookgate/module/provider"
)

// paypal checks PayPal's signature: ID and time of the transmission, the
// webhook's ID, and a checksum of the body, which is not a digest. PayPal signs
// for all of its customers; the secrets are the webhooks' IDs.
type paypal struct {
	webhooks []string
}

// The headers of a transmission.
const (
	paypalSignature   = "Paypal-Transmission-Sig"
	paypalID          = "Paypal-Transmission-Id"
	paypalTime        = "Paypal-Transmission-Time"
	paypalAlgorithm   = "Paypal-Auth-Algo"
	paypalCertificate = "Paypal-Cert-Url"
)

// paypalHosts publish certificates, one for production and one for the sandbox.
var paypalHosts = []string{"api.paypal.com", "api.sandbox.paypal.com"}

// paypalTimes bounds the age of a transmission: PayPal retries for three days.
var paypalTimes = &provider.Time{Place: header(paypalTime), Format: provider.RFC3339, Tolerance: 72 * hour}

var paypalClock = compileTime(paypalTimes)

const asciiAlphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

var errSecretPayPal = errors.New("a secret of this provider is the webhook's ID as PayPal shows it, such as 9XL90610J3647323C")

func newPayPal(secrets []string) (provider.Verifier, error) {
	for _, secret := range secrets {
		if secret == "" || len(secret) > 64 || strings.Trim(secret, asciiAlphanumeric+"_") != "" {
			return nil, errSecretPayPal
		}
	}
	return paypal{secrets}, nil
}

func (paypal) needsBody() bool { return true }

// Verify can do nothing without the certificate.
func (paypal) Verify(*provider.Request) Reason { return Unavailable }

func (p paypal) verifyBy(ctx context.Context, r *provider.Request, remote *Remote, _ bool) Reason {
	sent, reason := singles(r.Header, paypalSignature, paypalID, paypalTime, paypalAlgorithm, paypalCertificate)
	if reason != "" {
		return reason
	}
	id, at, algorithm, address := sent[1], sent[2], sent[3], sent[4]
	signature, err := base64.StdEncoding.Strict().DecodeString(sent[0])
	if err != nil || strings.Trim(id, asciiAlphanumeric+"-") != "" || algorithm != "SHA256withRSA" || !isPayPalCertificate(address) {
		return Malformed
	}
	if reason := paypalClock.checkOf(at, r); reason != "" {
		return reason
	}
	chain, err := remote.Certificates.Get(ctx, sourcePayPal, address, remote.caller)
	if err != nil {
		return Unavailable
	}
	key, ok := chain[0].PublicKey.(*rsa.PublicKey)
	if !ok || r.Now.Before(chain[0].NotBefore) || r.Now.After(chain[0].NotAfter) {
		return Mismatch
	}
	checksum := strconv.FormatUint(uint64(crc32.ChecksumIEEE(r.Body)), 10)
	for _, webhook := range p.webhooks {
		digest := sha256.Sum256([]byte(id + "|" + at + "|" + webhook + "|" + checksum))
		if rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], signature) == nil {
			remote.Certificates.Prove(address, chain) //nolint:contextcheck // it is kept for others, after this request
			return ""
		}
	}
	return Mismatch
}

// singles returns the values of headers that must occur exactly once.
func singles(header http.Header, names ...string) ([]string, Reason) {
	found := make([]string, len(names))
	for i, name := range names {
		switch values := header[name]; {
		case len(values) > 1:
			return nil, Duplicate
		case len(values) == 0 || values[0] == "" || !syntax.IsPrintable(values[0]):
			return nil, Malformed
		default:
			found[i] = values[0]
		}
	}
	return found, ""
}

// isPayPalCertificate reports whether the address is one at which PayPal
// publishes its certificates, in its only spelling.
func isPayPalCertificate(address string) bool {
	for _, host := range paypalHosts {
		name, ok := strings.CutPrefix(address, "https://"+host+"/v1/notifications/certs/CERT-")
		if ok && name != "" && len(name) <= 64 && strings.Trim(name, "0123456789abcdef-") == "" {
			return true
		}
	}
	return false
}
