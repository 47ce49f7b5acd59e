// Package secret expands the secrets in a configuration.
package secret

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"

	"github.com/hookgate/hookgate/internal/stray"
)

// errPlaceholder replaces an error that would quote what might be part of the
// secret.
var errPlaceholder = errors.New("a placeholder in it is unknown or expands to nothing")

// Expand expands the placeholders in a secret, such as {env.NAME} and
// {file./path}. An unknown or empty one is an error. One line break at the end
// of a value is not part of it: Caddy removes that of a file, and this function
// that of a variable.
func Expand(text string) (string, error) {
	return resolve(text, func(string, string) error { return nil })
}

// Check returns an error naming the placeholder, in a text with a credential,
// whose value has a stray character at either end. Other placeholders may be
// unknown.
func Check(text string) error {
	_, err := caddy.NewReplacer().ReplaceFunc(text, func(key string, value any) (any, error) {
		return value, checkEnds(key, valueOf(key, value))
	})
	return err
}

// resolve is Expand; check validates the values of the placeholders.
func resolve(text string, check func(key, value string) error) (string, error) {
	expanded, err := caddy.NewReplacer().ReplaceFunc(text, func(key string, value any) (any, error) {
		found := valueOf(key, value)
		switch {
		case found != "":
			return found, check(key, found)
		case !named.MatchString(key):
			return nil, errPlaceholder
		case value == nil && !strings.HasPrefix(key, "file."): // for a missing file it is nil, too
			return nil, fmt.Errorf("unrecognized placeholder {%s}", key)
		}
		return nil, fmt.Errorf("evaluated placeholder {%s} is empty", key)
	})
	if err != nil {
		return "", err
	}
	return expanded, nil
}

// named matches the name of an intended placeholder: a brace in a secret is not
// one.
var named = regexp.MustCompile(`^(env|file|webhook)\.[^{}]*$`)

func valueOf(key string, value any) string {
	text := caddy.ToString(value)
	if strings.HasPrefix(key, "env.") {
		return stray.TrimBreak(text)
	}
	return text
}

func checkEnds(key, value string) error {
	if found := stray.End(value); found != "" {
		return fmt.Errorf("what {%s} stands for %s; take it away", key, found)
	}
	return nil
}

// Token expands a secret that must have no blank, line break or quote at its
// ends, and warns if it has no placeholder. "" means none. option names it in
// the warning.
func Token(logger *zap.Logger, option, text string) (string, error) {
	WarnLiteral(logger, option, text)
	expanded, err := resolve(text, checkEnds)
	if err != nil {
		return "", err
	}
	if found := stray.End(expanded); found != "" {
		return "", fmt.Errorf("it %s; take it away", found)
	}
	return expanded, nil
}

// WarnLiteral warns if a secret is written in the configuration itself.
func WarnLiteral(logger *zap.Logger, option, text string) {
	if text != "" && !hasPlaceholder(text) {
		logger.Warn("a secret is written out in the configuration and can be read in /config/;"+
			" use a placeholder such as {env.NAME} or {file./path}", zap.String("option", option))
	}
}

// hasPlaceholder reports whether a text contains a placeholder. A single brace
// is not one, and neither is an escaped placeholder.
func hasPlaceholder(text string) bool {
	found := false
	// The resulting text does not matter, nor does an error.
	_, _ = caddy.NewReplacer().ReplaceFunc(text, func(_ string, value any) (any, error) {
		found = true
		return value, nil
	})
	return found
}
