// Package allowlist decides which projects may start which resources.
package allowlist

import (
	"errors"
	"fmt"
	"slices"

	"github.com/hookgate/hookgate/internal/syntax"
	"github.com/hookgate/hookgate/module/trigger"
)

// Projects holds, for each project that a trigger serves, the globs of its
// resource IDs. Without any project the trigger serves all of them.
type Projects map[string]Globs

// Globs match resource IDs: `*` stands for any characters, every other
// character for itself. Without any glob every ID matches.
type Globs []string

// Allow says whether the project may start the resource.
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

// Validate finds globs that can match nothing.
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
