// Package secret resolves the secrets of a configuration.
package secret

import (
	"errors"
	"regexp"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"
)

// errPlaceholder stands for a replacer's error that quotes what might be a part
// of the secret.
var errPlaceholder = errors.New("a placeholder in it is unknown or expands to nothing")

// Expand resolves the placeholders of a secret, such as {env.NAME} and
// {file./path}. One that is unknown or empty is an error.
func Expand(text string) (string, error) {
	expanded, err := caddy.NewReplacer().ReplaceOrErr(text, true, true)
	switch {
	case err == nil:
		return expanded, nil
	case named.MatchString(err.Error()):
		return "", err
	}
	return "", errPlaceholder
}

// named matches an error that quotes a placeholder which was meant as one.
var named = regexp.MustCompile(`\{(env|file|webhook)\.[^{}]*\}`)

// Token resolves a secret that has no blanks at its ends, and warns when it
// has no placeholder. "" is none. option names it in the warning.
func Token(logger *zap.Logger, option, text string) (string, error) {
	WarnLiteral(logger, option, text)
	expanded, err := Expand(text)
	if err != nil {
		return "", err
	}
	if expanded = strings.TrimSpace(expanded); text != "" && expanded == "" {
		return "", errPlaceholder
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

// hasPlaceholder says whether a text holds one. A brace alone is none, and no
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
