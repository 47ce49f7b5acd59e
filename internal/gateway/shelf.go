package gateway

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"go.uber.org/zap"

	"github.com/hookgate/hookgate/internal/remotekey"
)

// shelfFolder is where senders' certificates are in Caddy's own storage, which is
// shared by all servers that share their sites' certificates.
const shelfFolder = "webhooks/certificates"

// shelfPatience bounds how long opening a storage waits for the certificates.
const shelfPatience = 5 * time.Second

// Files is what the shelf needs of Caddy's storage.
type Files interface {
	Store(ctx context.Context, key string, value []byte) error
	Load(ctx context.Context, key string) ([]byte, error)
	Delete(ctx context.Context, key string) error
	Exists(ctx context.Context, key string) bool
	List(ctx context.Context, path string, recursive bool) ([]string, error)
}

// NewShelf returns a shelf that keeps senders' certificates in Caddy's storage, each in
// a file whose first line is the certificate's address.
func NewShelf(s Files, logger *zap.Logger) remotekey.Shelf {
	return remotekey.Shelf{
		Save: func(ctx context.Context, address string, chain []byte) {
			if err := s.Store(ctx, shelfKey(address), append([]byte(address+"\n"), chain...)); err != nil {
				logger.Warn("the certificate of a sender cannot be saved; it will be fetched again after the next start", zap.Error(err))
			}
		},
		Load: func(ctx context.Context, fn func(string, []byte) bool) error {
			if !s.Exists(ctx, shelfFolder) {
				return nil
			}
			names, err := s.List(ctx, shelfFolder, false)
			if err != nil {
				return err
			}
			for _, name := range names {
				text, err := s.Load(ctx, name)
				if err != nil {
					return err
				}
				address, chain, _ := bytes.Cut(text, []byte("\n"))
				if shelfKey(string(address)) == name && fn(string(address), chain) {
					continue
				}
				if err := s.Delete(ctx, name); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

func shelfKey(address string) string {
	digest := sha256.Sum256([]byte(address))
	return shelfFolder + "/" + hex.EncodeToString(digest[:]) + ".pem"
}
