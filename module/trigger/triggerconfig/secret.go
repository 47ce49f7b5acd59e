package triggerconfig

import (
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"go.uber.org/zap"

	"github.com/hookgate/hookgate/module/internal/option"
	"github.com/hookgate/hookgate/module/internal/secret"
)

// Secret expands a secret in the configuration, usually a Caddy placeholder
// such as {env.NAME} or {file./path}. It is an error if a placeholder is
// unknown or expands to nothing, or if the secret has a stray blank, line break
// or quote at either end; one line break after the value of a variable or a
// file is dropped. "" means that there is no secret and stays "": a trigger
// that needs one must check for it. The error does not quote the secret.
//
// A literal secret in the configuration is logged as a warning, which names the
// option.
func Secret(logger *zap.Logger, option, text string) (string, error) {
	return secret.Token(logger, option, text)
}

// SecretReader is Secret for one that may be renewed where it is kept: it
// resolves the secret once to check it, and returns what resolves it again. It
// returns nil for "".
func SecretReader(logger *zap.Logger, option, text string) (func() (string, error), error) {
	if text == "" {
		return nil, nil
	}
	if _, err := Secret(logger, option, text); err != nil {
		return nil, err
	}
	return func() (string, error) {
		return Secret(zap.NewNop(), option, text) // the warning was given
	}, nil
}

// Expand expands Caddy's placeholders in a text. One that is unknown or expands
// to nothing is an error.
func Expand(text string) (string, error) { return secret.Expand(text) }

// UnmarshalText reads an option of one value, which is not empty.
func UnmarshalText(d *caddyfile.Dispenser, into *string) error { return option.Text(d, into) }

// UnmarshalSecret reads an option of one value, which is a secret. Its errors do
// not quote what follows: a secret with a blank in it may lack its quotes.
func UnmarshalSecret(d *caddyfile.Dispenser, into *string) error { return option.Secret(d, into) }
