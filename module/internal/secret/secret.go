// Package secret resolves the secrets of a configuration.
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

// errPlaceholder stands for an error that would quote what might be a part of the
// secret.
var errPlaceholder = errors.New("a placeholder in it is unknown or expands to nothing")

// Expand resolves the placeholders of a secret, such as {env.NAME} and
// {file./path}. One that is unknown or empty is an error. One line break at the
// end of a value is no part of it: Caddy takes that of a file off, and this
// function that of a variable.
func Expand(text string) (string, error) {
	return resolve(text, func(string, string) error { return nil })
}

// Check says which placeholder of a text that holds a credential stands for a
// value with something at an end that cannot be meant. Other placeholders may be
// unknown.
func Check(text string) error {
	_, err := caddy.NewReplacer().ReplaceFunc(text, func(key string, value any) (any, error) {
		return value, checkEnds(key, valueOf(key, value))
	})
	return err
}

// resolve is Expand; check judges the values of the placeholders.
func resolve(text string, check func(key, value string) error) (string, error) {
	expanded, err := caddy.NewReplacer().ReplaceFunc(text, func(key string, value any) (any, error) {
		found := valueOf(key, value)
		switch {
		case found != "":
			return found, check(key, found)
		case !named.MatchString(key):
			return nil, errPlaceholder
		case value == nil && !strings.HasPrefix(key, "file."): // of a file that is missing it is nil, too
			return nil, fmt.Errorf("unrecognized placeholder {%s}", key)
		}
		return nil, fmt.Errorf("evaluated placeholder {%s} is empty", key)
	})
	if err != nil {
		return "", err
	}
	return expanded, nil
}

// named matches the name of a placeholder that was meant as one: a brace in a
// secret is none.
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

// Token resolves a secret that has no blank, line break or quote at its ends,
// and warns when it has no placeholder. "" is none. option names it in the
// warning.
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

// WarnLiteral warns when a secret stands in the configuration itself.
func WarnLiteral(logger *zap.Logger, option, text string) {
	if text != "" && !hasPlaceholder(text) {
		logger.Warn("a secret is written out in the configuration and can be read in /config/;"+
			" use a placeholder such as {env.NAME} or {file./path}", zap.String("option", option))
	}
}

// hasPlaceholder reports whether a text contains one. A brace alone is not one, and no
// escaped one is.
func hasPlaceholder(text string) bool {
	found := false
	// What it makes of the text does not matter, nor what is wrong with it.
	_, _ = caddy.NewReplacer().ReplaceFunc(text, func(_ string, value any) (any, error) {
		found = true
		return value, nil
	})
	return found
}
