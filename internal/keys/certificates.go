package keys

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"net/url"
	"time"
)

// The limits of certificates, whose addresses stand in requests: a flood of
// invented ones makes a host be asked ten times, and then once in six seconds.
var certificateLimits = Limits{Entries: 64, Burst: 10, Pause: 6 * time.Second}

// maxChain bounds how many certificates stand behind one another.
const maxChain = 8

// Certificates keeps X.509 certificates by their addresses.
type Certificates struct {
	client *Client
	cache  *Cache[[]*x509.Certificate]
}

// NewCertificates returns none yet. observe is told of each fetch; see
// NewCache.
func NewCertificates(client *Client, observe func(label, code string)) *Certificates {
	return &Certificates{client, NewCache[[]*x509.Certificate](certificateLimits, observe)}
}

// Close ends what is under way.
func (c *Certificates) Close() { c.cache.Close() }

// Get returns the certificates at an address, the first of which signs and the
// others lead to an authority. It does not judge them. label names the source
// in metrics and logs. The address must be one that the caller trusts.
func (c *Certificates) Get(ctx context.Context, label, address string) ([]*x509.Certificate, error) {
	parsed, err := url.Parse(address)
	if err != nil {
		return nil, ErrUnavailable
	}
	return c.cache.Get(ctx, &Source[[]*x509.Certificate]{
		Key: address, Group: parsed.Host, Label: label,
		Fetch: func(ctx context.Context) ([]*x509.Certificate, time.Duration, error) {
			text, _, err := c.client.Get(ctx, address)
			if err != nil {
				return nil, 0, err
			}
			chain, err := parseChain(text)
			return chain, maxAge, err // another certificate has another address
		},
	})
}

// parseChain reads certificates in PEM.
func parseChain(text []byte) ([]*x509.Certificate, error) {
	var chain []*x509.Certificate
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil || block.Type != "CERTIFICATE" || len(chain) == maxChain {
			return nil, Invalid()
		}
		chain = append(chain, certificate)
	}
	if len(chain) == 0 {
		return nil, Invalid()
	}
	return chain, nil
}
