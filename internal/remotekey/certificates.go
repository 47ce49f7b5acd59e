package remotekey

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/hookgate/hookgate/internal/network"
)

// The limits for certificates, whose addresses are in requests: a flood of
// made-up ones makes the gateway ask a host sixty times, and then once a
// second; one client's, ten times, and then once every six seconds.
// Certificates that have verified something are not subject to them.
var certificateLimits = Limits{
	Entries: 64,
	Pace:    Pace{Burst: 60, Pause: time.Second},
	Client:  Pace{Burst: 10, Pause: 6 * time.Second},
}

// maxChain bounds the length of a chain of certificates.
const maxChain = 8

// Certificates caches X.509 certificates by address.
type Certificates struct {
	client *Client
	cache  *Cache[[]*x509.Certificate]
	shelf  atomic.Pointer[Shelf]
}

// Shelf stores certificates that have verified something for the next start.
type Shelf struct {
	// Save stores a chain in PEM. It is called in the background.
	Save func(ctx context.Context, address string, chain []byte)
	// Load calls fn for each stored chain. Those for which fn returns false are
	// removed.
	Load func(ctx context.Context, fn func(address string, chain []byte) (keep bool)) error
}

// NewCertificates returns an empty cache. observe is called for each fetch; see
// NewCache.
func NewCertificates(client *Client, observe func(label, code string)) *Certificates {
	return &Certificates{client: client, cache: NewCache[[]*x509.Certificate](certificateLimits, observe)}
}

// Close cancels what is in progress.
func (c *Certificates) Close() { c.cache.Close() }

// Use makes the shelf store certificates that verify something from now on.
func (c *Certificates) Use(shelf Shelf) { c.shelf.Store(&shelf) }

// Load reads the shelf, except for expired certificates.
func (c *Certificates) Load(ctx context.Context, shelf Shelf) error {
	now := time.Now()
	err := shelf.Load(ctx, func(address string, text []byte) bool {
		chain, err := parseChain(text)
		if err != nil || now.After(chain[0].NotAfter) {
			return false
		}
		c.cache.Restore(address, chain)
		return true
	})
	if err != nil {
		return fmt.Errorf("loading senders' certificates: %w", err)
	}
	return nil
}

// Get returns the certificates at an address: the first one signs, and the
// others lead to an authority. It does not validate the chain. label names the
// source in metrics and logs; client is who asks, if known. The caller must
// trust the address.
func (c *Certificates) Get(ctx context.Context, label, address, client string) ([]*x509.Certificate, error) {
	parsed, err := url.Parse(address)
	if err != nil {
		return nil, ErrUnavailable
	}
	return c.cache.Get(ctx, &Source[[]*x509.Certificate]{
		Key: address, Group: parsed.Host, Client: network.Of(client).String(), Label: label,
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

// Prove records that a request was verified by the certificates that Get
// returned for the address: they are stored for the next start, and others
// cannot use up their fetches.
func (c *Certificates) Prove(address string, chain []*x509.Certificate) {
	if !c.cache.Prove(address) {
		return
	}
	if shelf := c.shelf.Load(); shelf != nil {
		c.cache.Behind(func(ctx context.Context) { shelf.Save(ctx, address, writeChain(chain)) })
	}
}

// parseChain parses certificates in PEM. The key of the first must be sound.
func parseChain(text []byte) ([]*x509.Certificate, error) {
	var chain []*x509.Certificate
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil || block.Type != "CERTIFICATE" || len(chain) == maxChain {
			return nil, Invalid()
		}
		chain = append(chain, certificate)
	}
	if len(chain) == 0 || !Sound(chain[0].PublicKey) {
		return nil, Invalid()
	}
	return chain, nil
}

func writeChain(chain []*x509.Certificate) []byte {
	var text []byte
	for _, certificate := range chain {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw})...)
	}
	return text
}
