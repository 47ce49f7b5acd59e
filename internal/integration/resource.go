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
	if len(items) == 0 || len(items) > maxResources {
		f.refuse(name, "from 1 to %d are needed in a list", maxResources)
		return nil
	}
	resources := make([]Resource, len(items))
	for i, value := range items {
		r := f.member(item(name, i), value)
		resources[i] = p.resource(r, in)
		if slices.Contains(resources[:i], resources[i]) {
			r.refuse("", "it is there twice")
		}
	}
	return resources
}

func (p form) resource(r *fields, in *Integration) Resource {
	resource := Resource{Type: r.text("type", ""), ID: r.text("id", "")}
	r.end()
	switch {
	case resource.Type == "":
		r.refuse("type", "it must not be empty")
	case !ValidResourceID(resource.ID):
		r.refuse("id", "letters and digits of ASCII and the marks . _ @ : / - are allowed, at most 256 characters, "+
			"with no segment . or .. and no mark first")
	case *r.fault == nil && !p.rests(in, resource):
		p.allow(r, in.Project, resource)
	}
	return resource
}

func (p form) allow(r *fields, project string, resource Resource) {
	if p.rules.Allow == nil {
		r.refuse("type", "no trigger serves it")
		return
	}
	if err := p.rules.Allow(project, resource.Type, resource.ID); err != nil {
		r.refuse("", "%v", err)
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
