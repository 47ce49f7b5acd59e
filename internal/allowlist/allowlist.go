// Package allowlist decides which projects may start which resources.
package allowlist

import (
	"errors"
	"fmt"
	"slices"

	"github.com/hookgate/hookgate/internal/syntax"
	"github.com/hookgate/hookgate/module/trigger"
)

// Projects holds the globs of resource IDs for each project that a trigger
// serves. If it is empty, the trigger serves all projects.
type Projects map[string]Globs

// Globs match resource IDs: `*` matches any characters, every other character
// matches itself. If it is empty, every ID matches.
type Globs []string

// Allow returns an error unless the project may start the resource.
func (p Projects) Allow(project string, resource trigger.Resource) error {
	if len(p) == 0 {
		return nil
	}
	globs, found := p[project]
	if !found {
		return fmt.Errorf("project %q may not start resources of type %q", project, resource.Type)
	}
	if !globs.match(resource.ID) {
		return fmt.Errorf("project %q may not start this resource of type %q", project, resource.Type)
	}
	return nil
}

// Validate finds globs that cannot match anything.
func (p Projects) Validate() error {
	for name, globs := range p {
		if name == "" {
			return errors.New("a project has no name")
		}
		for _, glob := range globs {
			if glob == "" {
				return fmt.Errorf("project %q has an empty resource pattern", name)
			}
		}
	}
	return nil
}

func (g Globs) match(id string) bool {
	return len(g) == 0 || slices.ContainsFunc(g, func(glob string) bool { return syntax.NewGlob(glob).Match(id) })
}
