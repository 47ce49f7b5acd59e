package triggerconfig

import (
	"errors"
	"fmt"
	"slices"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"go.uber.org/zap"

	"github.com/hookgate/hookgate/internal/syntax"
	"github.com/hookgate/hookgate/module/internal/option"
	"github.com/hookgate/hookgate/module/trigger"
)

// Projects are the projects that a trigger serves, by name. Without any, it
// serves all.
//
// A trigger acts with a credential of the operator's, and integrations belong to
// projects: without this limit, whoever may write an integration of any project
// can start whatever the credential can.
type Projects map[string]Project

// Project limits what one project may start.
type Project struct {
	// The bearer token that is sent for the events of this project, in place
	// of the trigger's own credential. Default: none of its own.
	Token string `json:"token,omitempty"`

	// Patterns of the resource IDs that the project may start, in which `*`
	// matches any characters. Default: all.
	Resources []string `json:"resources,omitempty"`
}

// Allow reports whether the project may start the resource; the error says why
// not.
func (p Projects) Allow(project string, resource trigger.Resource) error {
	if len(p) == 0 {
		return nil
	}
	limits, found := p[project]
	if !found {
		return fmt.Errorf("project %q may not start resources of type %q", project, resource.Type)
	}
	if !limits.allow(resource.ID) {
		return fmt.Errorf("project %q may not start this resource of type %q", project, resource.Type)
	}
	return nil
}

func (p Project) allow(id string) bool {
	return len(p.Resources) == 0 || slices.ContainsFunc(p.Resources, func(glob string) bool {
		return syntax.NewGlob(glob).Match(id)
	})
}

// validate finds names and patterns that can match nothing.
func (p Projects) validate() error {
	for name, project := range p {
		if name == "" {
			return errors.New("a project has no name")
		}
		if slices.Contains(project.Resources, "") {
			return fmt.Errorf("project %q has an empty resource pattern", name)
		}
	}
	return nil
}

// Tokens resolves the tokens, by project, as Secret does. It is called at
// provisioning.
func (p Projects) Tokens(logger *zap.Logger) (map[string]string, error) {
	tokens := make(map[string]string)
	for name, project := range p {
		token, err := Secret(logger, "token", project.Token)
		if err != nil {
			return nil, fmt.Errorf("project %s: token: %w", name, err)
		}
		if token != "" {
			tokens[name] = token
		}
	}
	return tokens, nil
}

// unmarshal adds one project. Syntax:
//
//	project <name> {
//	    token <token>
//	    resources <pattern...>
//	}
func (p *Projects) unmarshal(d *caddyfile.Dispenser) error {
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
