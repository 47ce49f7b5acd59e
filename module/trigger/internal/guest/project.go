// Package guest holds what the triggers' Caddy modules have in common:
// projects, secrets, and Caddy's HTTP transport.
package guest

import (
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/hookgate/hookgate/internal/allowlist"
	"github.com/hookgate/hookgate/module/internal/option"
)

// Project limits what one project may start.
type Project struct {
	// The bearer token that is sent for the events of this project, in place
	// of the trigger's own credential. Default: none of its own.
	Token string `json:"token,omitempty"`

	// Patterns of the resource IDs that the project may start, in which `*`
	// stands for any characters. Default: all.
	Resources []string `json:"resources,omitempty"`
}

// Projects are the projects that a trigger serves, by name. Without any, it
// serves all.
type Projects map[string]Project

// UnmarshalOption adds one project. Syntax:
//
//	project <name> {
//	    token <token>
//	    resources <pattern...>
//	}
func (p *Projects) UnmarshalOption(d *caddyfile.Dispenser) error {
	if !d.NextArg() {
		return d.ArgErr()
	}
	name := d.Val()
	if _, repeated := (*p)[name]; repeated {
		return d.Errf("the project %s is repeated", name)
	}
	var project Project
	err := option.Block(d, func(name string) error {
		switch name {
		case "token":
			return option.Secret(d, &project.Token)
		case "resources":
			return option.List(d, 1, &project.Resources)
		}
		return option.Unknown(d, project)
	})
	if err != nil {
		return option.About("project "+name, err)
	}
	if *p == nil {
		*p = make(Projects)
	}
	(*p)[name] = project
	return nil
}

// Limits returns the patterns by project.
func (p Projects) Limits() allowlist.Projects {
	limits := make(allowlist.Projects, len(p))
	for name, project := range p {
		limits[name] = project.Resources
	}
	return limits
}
