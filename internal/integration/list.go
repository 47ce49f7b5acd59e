package integration

import (
	"context"

	"github.com/hookgate/hookgate/module/storage"
)

// List returns at most limit integrations of a project ("" lists all
// projects), declared ones among them, in the order of project and webhook
// ID, after the given place. more says that others follow.
func (s *Service) List(ctx context.Context, view View, project string, after storage.Place, limit int) (list []*Integration, more bool, err error) {
	declared := view.Declared.after(project, after)
	place, ended := after, false
	var page []storage.Integration
	for len(list) <= limit {
		if len(page) == 0 && !ended {
			if page, err = s.integrations.List(ctx, project, place, limit+1); err != nil {
				return nil, false, err
			}
			if ended = len(page) == 0; !ended {
				last := page[len(page)-1]
				place = storage.Place{Project: last.Project, WebhookID: last.WebhookID}
			}
		}
		switch {
		case len(page) > 0 && view.Declared.get(page[0].WebhookID) != nil:
			page = page[1:] // shadowed
		case len(page) > 0 && (len(declared) == 0 || before(page[0], declared[0])):
			in, err := Decode(page[0])
			if err != nil {
				return nil, false, err
			}
			list, page = append(list, in), page[1:]
		case len(declared) > 0:
			list, declared = append(list, declared[0]), declared[1:]
		default:
			return list, false, nil
		}
	}
	return list[:limit], true, nil
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
