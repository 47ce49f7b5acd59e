package gateway

import (
	"cmp"
	"math"
	"slices"

	"github.com/hookgate/hookgate/internal/gate"
)

// Site is the address of a handler and the projects that it serves.
type Site struct {
	Prefix    string
	PublicURL string
	Projects  []string // all if empty
}

// AddSite adds a handler's address, which the admin API shows. It must not be called
// after Start.
func (c *Configuration) AddSite(s Site) { c.sites = append(c.sites, s) }

// compare orders the sites that serve a project: the one that serves fewest, then one
// that has an address, then the usual prefix, and then by name, because handlers are
// provisioned in no particular order.
func (s *Site) compare(other *Site) int {
	return cmp.Or(
		cmp.Compare(s.breadth(), other.breadth()),
		absence(s.PublicURL == "", other.PublicURL == ""),
		absence(s.Prefix != gate.DefaultPrefix, other.Prefix != gate.DefaultPrefix),
		cmp.Compare(s.PublicURL, other.PublicURL),
		cmp.Compare(s.Prefix, other.Prefix),
	)
}

func (s *Site) breadth() int {
	if len(s.Projects) == 0 {
		return math.MaxInt
	}
	return len(s.Projects)
}

// absence sorts what is present before what is absent.
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
func (c *Configuration) siteOf(project string) *Site {
	var best *Site
	for i := range c.sites {
		s := &c.sites[i]
		if len(s.Projects) > 0 && !slices.Contains(s.Projects, project) {
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
func (c *Configuration) publicURL(project string) string {
	if s := c.siteOf(project); s != nil && s.PublicURL != "" {
		return s.PublicURL
	}
	return c.settings.PublicURL
}

// base is what admins are shown of that: at least the path.
func (c *Configuration) base(project string) string {
	if public := c.publicURL(project); public != "" {
		return public
	}
	if s := c.siteOf(project); s != nil {
		return s.Prefix
	}
	return gate.DefaultPrefix
}
