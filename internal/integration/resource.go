package integration

import (
	"encoding/json"
	"slices"
)

// resources reads one resource, or a list of them.
func (p form) resources(f *fields, in *Integration) []Resource {
	const name = "resource"
	items, listed := f.left[name].([]any)
	if !listed {
		r := f.object(name)
		if r == nil {
			return nil
		}
		return []Resource{p.resource(r, in)}
	}
	f.skip(name)
	switch {
	case len(items) == 0:
		f.refuse(name, codeRequired, "from 1 to %d are needed in a list", maxResources)
	case len(items) > maxResources:
		f.refuse(name, codeTooMany, "from 1 to %d are needed in a list", maxResources)
		return nil
	}
	resources := make([]Resource, len(items))
	for i, value := range items {
		r := f.member(item(name, i), value)
		resources[i] = p.resource(r, in)
		if slices.Contains(resources[:i], resources[i]) {
			r.refuse("", codeConflict, "it is there twice")
		}
	}
	return resources
}

func (p form) resource(r *fields, in *Integration) Resource {
	resource := Resource{Type: r.text("type", ""), ID: r.text("id", "")}
	r.end()
	if resource.Type == "" {
		r.refuse("type", codeRequired, "it must not be empty%s", choose("", p.rules.ResourceTypes))
	}
	switch {
	case resource.ID == "":
		r.refuse("id", codeRequired, "it must not be empty")
	case !ValidResourceID(resource.ID):
		r.refuse("id", codeInvalid, "letters and digits of ASCII and the marks . _ @ : / - are allowed, at most 256 characters, "+
			"with no segment . or .. and no mark first%s", r.show(resource.ID))
	}
	if !r.absent && !p.rests(in, resource) {
		p.allow(r, in.Project, resource)
	}
	return resource
}

// allow asks the triggers, as far as what they are asked about is well written.
func (p form) allow(r *fields, project string, resource Resource) {
	if !r.sound("type") {
		return
	}
	if p.rules.ResourceTypes == nil || p.rules.Allow == nil || !slices.Contains(p.rules.ResourceTypes(), resource.Type) {
		r.refuse("type", codeNotFound, "no trigger serves this resource type%s%s", r.show(resource.Type), choose(resource.Type, p.rules.ResourceTypes))
		return
	}
	if !r.sound("") || !ValidProject(project) {
		return
	}
	if err := p.rules.Allow(project, resource.Type, resource.ID); err != nil {
		r.refuse("", codeNotAllowed, "%v", err)
	}
}

// rests says that the form disables or keeps disabled what is stored and
// leaves this resource alone. That is allowed when its trigger has gone, too.
func (p form) rests(in *Integration, resource Resource) bool {
	return !in.IsEnabled && p.stored != nil && slices.Contains(p.stored.Resources, resource)
}

// maskedResources are written as they may be read: one of them as an object,
// several as a list.
type maskedResources []Resource

func (list maskedResources) MarshalJSON() ([]byte, error) {
	type object struct {
		Type string `json:"type"`
		ID   string `json:"id"`
	}
	objects := each(list, func(r Resource) object { return object(r) })
	switch len(objects) {
	case 0:
		return []byte("null"), nil
	case 1:
		return json.Marshal(objects[0])
	}
	return json.Marshal(objects)
}
