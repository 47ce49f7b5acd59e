package integration

import (
	"context"
	"iter"

	"github.com/hookgate/hookgate/module/storage"
)

// listPage is how many integrations are read at a time for a list.
const listPage = 64

// List yields the integrations of a project ("" lists all projects), declared ones
// among them, in the order of project and webhook ID, after the given place. Few of
// them are in memory at a time.
func (s *Service) List(ctx context.Context, view View, project string, after storage.Place) iter.Seq2[*Integration, error] {
	return func(yield func(*Integration, error) bool) {
		declared := view.Declared.after(project, after)
		for record, err := range s.stored(ctx, project, after) {
			if err != nil {
				yield(nil, err)
				return
			}
			if view.Declared.get(record.WebhookID) != nil {
				continue // shadowed
			}
			for len(declared) > 0 && !before(record, declared[0]) {
				if !yield(declared[0], nil) {
					return
				}
				declared = declared[1:]
			}
			in, err := Decode(record)
			if !yield(in, err) || err != nil {
				return
			}
		}
		for _, in := range declared {
			if !yield(in, nil) {
				return
			}
		}
	}
}

// stored yields what the storage lists.
func (s *Service) stored(ctx context.Context, project string, place storage.Place) iter.Seq2[storage.Integration, error] {
	return func(yield func(storage.Integration, error) bool) {
		for {
			page, err := s.integrations.List(ctx, project, place, listPage)
			if err != nil {
				yield(storage.Integration{}, err)
				return
			}
			if len(page) == 0 {
				return
			}
			for _, record := range page {
				if !yield(record, nil) {
					return
				}
				place = storage.Place{Project: record.Project, WebhookID: record.WebhookID}
			}
		}
	}
}

// after returns the declared integrations that a listing goes on with.
func (d *Declared) after(project string, place storage.Place) []*Integration {
	var list []*Integration
	for _, in := range d.All() {
		if project != "" && in.Project != project {
			continue
		}
		if byPlace(in, &Integration{Project: place.Project, WebhookID: place.WebhookID}) > 0 {
			list = append(list, in)
		}
	}
	return list
}

func before(record storage.Integration, in *Integration) bool {
	return byPlace(&Integration{Project: record.Project, WebhookID: record.WebhookID}, in) < 0
}
