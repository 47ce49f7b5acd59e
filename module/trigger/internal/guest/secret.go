package guest

import (
	"fmt"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"
)

// Expand resolves the placeholders of one configured value, such as
// {env.NAME} and {file./path}. One that is unknown or empty is an error.
func Expand(value string) (string, error) {
	return caddy.NewReplacer().ReplaceOrErr(value, true, true)
}

// Secret resolves a secret's placeholders and warns when there is none, since
// Caddy shows its configuration at /config/. option names it in the error.
func Secret(logger *zap.Logger, option, value string) (string, error) {
	expanded, err := Expand(value)
	if err != nil {
		return "", fmt.Errorf("reading %s: %w", option, err)
	}
	if expanded = strings.TrimSpace(expanded); value != "" && expanded == "" {
		return "", fmt.Errorf("reading %s: it is empty", option)
	}
	WarnLiteral(logger, option, value)
	return expanded, nil
}

// WarnLiteral warns when a secret stands in the configuration itself.
func WarnLiteral(logger *zap.Logger, option, value string) {
	if value != "" && !strings.Contains(value, "{") {
		logger.Warn("a secret is literal text in the configuration, which the admin endpoint shows;"+
			" use a placeholder such as {env.NAME} or {file./path}", zap.String("option", option))
	}
}
