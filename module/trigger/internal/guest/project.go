package guest

import (
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/hookgate/hookgate/internal/trigger/limit"
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
	var name string
	if err := Text(d, &name); err != nil {
		return err
	}
	if _, repeated := (*p)[name]; repeated {
		return d.Errf("the project %s is repeated", name)
	}
	var project Project
	err := Block(d, func(option string) (bool, error) {
		switch option {
		case "token":
			return false, Text(d, &project.Token)
		case "resources":
			project.Resources = d.RemainingArgs()
			if len(project.Resources) == 0 {
				return false, d.ArgErr()
			}
			return false, nil
		}
		return false, d.Errf("unrecognized option %s of a project", option)
	})
	if err != nil {
		return err
	}
	if *p == nil {
		*p = make(Projects)
	}
	(*p)[name] = project
	return nil
}

// Limits returns the patterns by project.
func (p Projects) Limits() limit.Projects {
	limits := make(limit.Projects, len(p))
	for name, project := range p {
		limits[name] = project.Resources
	}
	return limits
}
