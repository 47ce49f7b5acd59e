package module

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"

	"github.com/hookgate/hookgate/internal/gate"
	"github.com/hookgate/hookgate/internal/integration"
)

// site is what a handler says of where it serves whom. The handlers tell the app,
// since the admin API shows their addresses.
type site struct {
	prefix    string
	publicURL string
	projects  []string // none for all
}

// compare orders the sites that serve a project: the one that serves fewest, then
// one that has an address, then the usual prefix, and then by name, for handlers
// come in no order.
func (s *site) compare(other *site) int {
	return cmp.Or(
		cmp.Compare(s.breadth(), other.breadth()),
		absence(s.publicURL == "", other.publicURL == ""),
		absence(s.prefix != gate.DefaultPrefix, other.prefix != gate.DefaultPrefix),
		cmp.Compare(s.publicURL, other.publicURL),
		cmp.Compare(s.prefix, other.prefix),
	)
}

func (s *site) breadth() int {
	if len(s.projects) == 0 {
		return math.MaxInt
	}
	return len(s.projects)
}

// absence puts what is not absent first.
func absence(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// siteOf returns the site for a project's integrations, or nil when none serves
// them.
func (a *App) siteOf(project string) *site {
	var best *site
	for i := range a.sites {
		s := &a.sites[i]
		if len(s.projects) > 0 && !slices.Contains(s.projects, project) {
			continue
		}
		if best == nil || s.compare(best) < 0 {
			best = s
		}
	}
	return best
}

// publicURL is what stands before the webhook ID in the URL of a project's
// integration, or "" when that is not known.
func (a *App) publicURL(project string) string {
	if s := a.siteOf(project); s != nil && s.publicURL != "" {
		return s.publicURL
	}
	return a.PublicURL
}

// base is what admins are shown of that: at least the path.
func (a *App) base(project string) string {
	if public := a.publicURL(project); public != "" {
		return public
	}
	if s := a.siteOf(project); s != nil {
		return s.prefix
	}
	return gate.DefaultPrefix
}

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
