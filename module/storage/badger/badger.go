// Package badger is the embedded storage of integrations and events: integrations
// in Badger, and events in sealed files of their own, in one directory. Badger never
// compacts, and is rewritten at startup where that is due: docs/decisions/0009 has
// the reasons. The storage has one process, whose session ends with it.
package badger

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"go.uber.org/zap"

	"github.com/hookgate/hookgate/internal/seal"
	"github.com/hookgate/hookgate/module/internal/option"
	"github.com/hookgate/hookgate/module/internal/secret"
	"github.com/hookgate/hookgate/module/storage"
)

func init() { caddy.RegisterModule(Storage{}) }

// Storage keeps integrations and events in a directory. Everything in it is
// encrypted but webhook IDs and projects, which stand in clear among the
// integrations.
type Storage struct {
	// Path is the directory. It is made when it does not exist, readable by its
	// owner only. It may hold placeholders such as {env.NAME}. Default:
	// `hookgate` in Caddy's data directory.
	Path string `json:"path,omitempty"`

	// EncryptionKey is 32 bytes in base64, best given as a placeholder such as
	// {file./etc/hookgate/key}: what is written out here can be read in Caddy's
	// own /config/. Several keys may stand there, separated by blanks or line
	// ends: the first one seals, and the others open what they have sealed
	// before. Default: a key that is generated when the storage is first made,
	// and kept beside it in `<path>.key`. **Without the key the data cannot be
	// read**, so keep a copy of it.
	EncryptionKey string `json:"encryption_key,omitempty"`

	path string
	key  *seal.Key // nil when none is configured
}

// CaddyModule returns the Caddy module information.
func (Storage) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "webhooks.storage.badger",
		New: func() caddy.Module { return new(Storage) },
	}
}

// Provision resolves the settings. It makes and opens nothing.
func (s *Storage) Provision(ctx caddy.Context) error {
	if err := s.provisionPath(); err != nil {
		return fmt.Errorf("path: %w", err)
	}
	if s.EncryptionKey == "" {
		return nil
	}
	secret.WarnLiteral(ctx.Logger(), "encryption_key", s.EncryptionKey)
	text, err := secret.Expand(s.EncryptionKey)
	if err != nil {
		return fmt.Errorf("encryption_key: %w", err)
	}
	key, err := seal.ParseKey(text)
	if err != nil {
		return fmt.Errorf("encryption_key: %w", err)
	}
	s.key = &key
	return nil
}

func (s *Storage) provisionPath() error {
	path := filepath.Join(caddy.AppDataDir(), "hookgate")
	if s.Path != "" {
		var err error
		if path, err = caddy.NewReplacer().ReplaceOrErr(s.Path, true, true); err != nil {
			return err
		}
	}
	var err error
	s.path, err = canonical(path)
	return err
}

// canonical returns the absolute path without symbolic links, as far as it
// exists.
func canonical(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	resolved, err := filepath.EvalSymlinks(path)
	if parent := filepath.Dir(path); errors.Is(err, fs.ErrNotExist) && parent != path {
		resolved, err = canonical(parent)
		return filepath.Join(resolved, filepath.Base(path)), err
	}
	return resolved, err
}

// Key is the canonical path: a directory must not be opened twice.
func (s *Storage) Key() string { return s.path }

// Options tells the encryption keys of two configurations apart without
// telling them.
func (s *Storage) Options() string {
	if s.key == nil {
		return "generated key"
	}
	return strings.Join(s.key.IDs(), " ")
}

// Open opens the storage, or makes it. What it begins to repair it ends, whatever
// becomes of ctx.
func (s *Storage) Open(ctx context.Context) (storage.Backend, error) {
	key, replaced, err := s.unlock()
	if err != nil {
		return nil, err
	}
	if s.key == nil {
		for _, exposure := range seal.Exposures(s.keyPath()) {
			s.logger().Warn("the encryption key is not its owner's alone: " + exposure)
		}
	}
	opened, err := openBackend(ctx, s.path, key, s.logger())
	if err != nil {
		return nil, err
	}
	if replaced {
		opened.reseal(ctx, func() error { return s.writeKeycheck(keycheckOf(key)) })
	}
	return opened, nil
}

func (s *Storage) logger() *zap.Logger {
	return zap.New(liveCore{}).Named(string(s.CaddyModule().ID))
}

// UnmarshalCaddyfile sets up the storage:
//
//	storage badger {
//		path           <directory>
//		encryption_key <base64>
//	}
func (s *Storage) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the module's name
	return option.Block(d, func(name string) error {
		switch name {
		case "path":
			return option.Text(d, &s.Path)
		case "encryption_key":
			return option.Secret(d, &s.EncryptionKey)
		}
		return option.Unknown(d, s)
	})
}

// Interface guards
var (
	_ caddy.Provisioner     = (*Storage)(nil)
	_ caddyfile.Unmarshaler = (*Storage)(nil)
	_ storage.Storage       = (*Storage)(nil)
)
