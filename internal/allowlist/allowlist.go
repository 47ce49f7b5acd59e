// Package allowlist decides which projects may start which resources.
package allowlist

import (
	"errors"
	"fmt"
	"strings"

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
	if len(g) == 0 {
		return true
	}
	for _, glob := range g {
		if matches(glob, id) {
			return true
		}
	}
	return false
}

// matches takes each literal piece at the first place where it fits, which is
// enough when the only wildcard is `*`.
func matches(glob, id string) bool {
	pieces := strings.Split(glob, "*")
	first, last := pieces[0], pieces[len(pieces)-1]
	if len(pieces) == 1 {
		return glob == id
	}
	rest, ok := strings.CutPrefix(id, first)
	if !ok {
		return false
	}
	for _, piece := range pieces[1 : len(pieces)-1] {
		_, rest, ok = strings.Cut(rest, piece)
		if !ok {
			return false
		}
	}
	return strings.HasSuffix(rest, last)
}
