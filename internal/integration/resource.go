package integration

import (
	"encoding/json"
	"slices"

	"github.com/hookgate/hookgate/internal/form"
)

// resources reads one resource, or a list of them.
func (p reading) resources(f *form.Fields, in *Integration) []Resource {
	const name = "resource"
	items, listed := f.Members()[name].([]any)
	if !listed {
		r := f.Object(name)
		if r == nil {
			return nil
		}
		return []Resource{p.resource(r, in)}
	}
	f.Skip(name)
	switch {
	case len(items) == 0:
		f.Refuse(name, form.Required, "a list must have 1 to %d entries", maxResources)
	case len(items) > maxResources:
		f.Refuse(name, form.TooMany, "a list must have 1 to %d entries", maxResources)
		return nil
	}
	resources := make([]Resource, len(items))
	for i, value := range items {
		r := f.Member(form.Item(name, i), value)
		resources[i] = p.resource(r, in)
		if slices.Contains(resources[:i], resources[i]) {
			r.Refuse("", form.Conflict, "it is repeated")
		}
	}
	return resources
}

func (p reading) resource(r *form.Fields, in *Integration) Resource {
	resource := Resource{Type: r.Text("type", ""), ID: r.Text("id", "")}
	r.End()
	if resource.Type == "" {
		r.Refuse("type", form.Required, "it must not be empty%s", form.Choose("", p.rules.ResourceTypes))
	}
	switch {
	case resource.ID == "":
		r.Refuse("id", form.Required, "it must not be empty")
	case !ValidResourceID(resource.ID):
		r.Refuse("id", form.Invalid, "must be at most 256 ASCII letters and digits and the characters . _ @ : / -, "+
			"beginning with a letter or digit, with no segment . or ..%s", r.Show(resource.ID))
	}
	if !r.Absent() && !p.rests(in, resource) {
		p.allow(r, in.Project, resource)
	}
	return resource
}

// allow asks the triggers, as far as what they are asked about is well written.
func (p reading) allow(r *form.Fields, project string, resource Resource) {
	if !r.Sound("type") {
		return
	}
	if p.rules.ResourceTypes == nil || p.rules.Allow == nil || !slices.Contains(p.rules.ResourceTypes(), resource.Type) {
		r.Refuse("type", form.NotFound, "no trigger serves this resource type%s%s", r.Show(resource.Type), form.Choose(resource.Type, p.rules.ResourceTypes))
		return
	}
	if !r.Sound("") || !ValidProject(project) {
		return
	}
	if err := p.rules.Allow(project, resource.Type, resource.ID); err != nil {
		r.Refuse("", form.NotAllowed, "%v", err)
	}
}

// rests reports whether the form disables or keeps disabled what is stored and
// leaves this resource alone. That is allowed when its trigger has gone, too.
func (p reading) rests(in *Integration, resource Resource) bool {
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
