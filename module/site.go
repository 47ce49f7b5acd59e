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

// provisionURL checks and completes a public URL unless it is empty.
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
		return fmt.Errorf("public_url must be an http or https URL with a host and no query%s", shown(text))
	}
	*public = strings.TrimSuffix(text, "/") + "/"
	return nil
}

// checkProjects checks the projects that a handler serves.
func checkProjects(names []string) error {
	if names != nil && len(names) == 0 {
		return errors.New("projects needs at least one name; without the option the handler serves all")
	}
	for i, name := range names {
		if !integration.ValidProject(name) {
			return fmt.Errorf("projects: '%s' cannot be a project: a name consists of letters, digits and . _ @ -, and begins with a letter or digit", name)
		}
		if slices.Contains(names[:i], name) {
			return fmt.Errorf("projects: '%s' is repeated", name)
		}
	}
	return nil
}
