package module

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"

	"github.com/hookgate/hookgate/internal/integration"
)

// provisionURL completes a public URL, if there is one.
func provisionURL(public *string) error {
	if *public == "" {
		return nil
	}
	text, err := caddy.NewReplacer().ReplaceOrErr(*public, true, true)
	if err != nil {
		return fmt.Errorf("public_url: %w", err)
	}
	parsed, err := url.Parse(text)
	if err != nil || parsed.Host == "" || (parsed.Scheme != "http" && parsed.Scheme != "https") ||
		parsed.RawQuery != "" || parsed.Fragment != "" || parsed.User != nil {
		return fmt.Errorf("public_url: it must be an http or https URL with a host and no query%s", shown(text))
	}
	*public = strings.TrimSuffix(text, "/") + "/"
	return nil
}

// checkProjects says what is wrong with the projects that a handler serves.
func checkProjects(names []string) error {
	if names != nil && len(names) == 0 {
		return errors.New("projects: at least one is needed; without the option the handler serves all")
	}
	for i, name := range names {
		if !integration.ValidProject(name) {
			return fmt.Errorf("projects: '%s' can be no project: it needs letters, digits and . _ @ -, and begins with a letter or digit", name)
		}
		if slices.Contains(names[:i], name) {
			return fmt.Errorf("projects: '%s' is given twice", name)
		}
	}
	return nil
}
