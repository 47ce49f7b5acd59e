package memory

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/hookgate/hookgate/module/storage"
)

// Integrations is a handle's storage.Integrations.
type Integrations Handle

// integration is a stored integration.
type integration struct {
	storage.Integration
	written time.Time
}

// follower is told what others write.
type follower struct{ fn func(webhookID string) }

// find returns what is stored under a webhook ID, nil when it may be forgotten.
func (p *Place) find(webhookID string) *integration {
	in := p.integrations[webhookID]
	if in != nil && in.Deleted && in.Unused && len(in.Value) == 0 && time.Since(in.written) > storage.ReservedFor {
		delete(p.integrations, webhookID)
		return nil
	}
	return in
}

func (p *Place) revisionOf(webhookID string) uint64 {
	if in := p.find(webhookID); in != nil {
		return in.Revision
	}
	return 0
}

// Get implements storage.Integrations.
func (i *Integrations) Get(_ context.Context, webhookID string) (storage.Integration, error) {
	h := (*Handle)(i)
	if err := h.enter(); err != nil {
		return storage.Integration{}, err
	}
	defer h.leave()
	in := h.place.find(webhookID)
	if in == nil {
		return storage.Integration{}, storage.ErrNotFound
	}
	return in.clone(), nil
}

func (in *integration) clone() storage.Integration {
	c := in.Integration
	c.Value = slices.Clone(in.Value)
	return c
}

// Put implements storage.Integrations.
func (i *Integrations) Put(ctx context.Context, in storage.Integration, expected uint64) (uint64, error) {
	h := (*Handle)(i)
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if err := h.enter(); err != nil {
		return 0, err
	}
	revision, err := h.put(in, expected)
	others := h.others(in.WebhookID, err)
	h.leave()
	for _, other := range others {
		other.follow([]string{in.WebhookID})
	}
	return revision, err
}

func (h *Handle) put(in storage.Integration, expected uint64) (uint64, error) {
	p := h.place
	current := p.find(in.WebhookID)
	switch {
	case h.session.lost:
		return 0, storage.ErrUnavailable
	case p.revisionOf(in.WebhookID) != expected:
		return 0, storage.ErrConflict
	}
	if limit := h.exceeded(in, current); limit != "" {
		return 0, &storage.LimitError{Limit: limit}
	}
	p.revision++
	in.Revision, in.Value = p.revision, slices.Clone(in.Value)
	in.Unused = in.Unused && (current == nil || current.Unused)
	p.integrations[in.WebhookID] = &integration{in, time.Now()}
	return in.Revision, nil
}

// others returns who is to be told of a write. Who is paused is told later.
func (h *Handle) others(webhookID string, failed error) (others []*Handle) {
	if failed != nil {
		return nil
	}
	for _, s := range h.place.sessions {
		switch {
		case s.Handle == h:
		case s.paused != nil:
			s.missed = append(s.missed, webhookID)
		default:
			others = append(others, s.Handle)
		}
	}
	return others
}

// follow tells the handle's followers what others have written.
func (h *Handle) follow(webhookIDs []string) {
	h.telling.Lock()
	defer h.telling.Unlock()
	h.place.mu.Lock()
	var all []*follower
	for f := range h.changes {
		all = append(all, f)
	}
	h.place.mu.Unlock()
	for _, f := range all {
		for _, webhookID := range webhookIDs {
			f.fn(webhookID)
		}
	}
}

// Changes implements storage.Integrations.
func (i *Integrations) Changes(fn func(webhookID string)) (stop func(), err error) {
	h := (*Handle)(i)
	if err := h.enter(); err != nil {
		return nil, err
	}
	defer h.leave()
	f := &follower{fn}
	h.changes[f] = struct{}{}
	return func() {
		h.telling.Lock()
		defer h.telling.Unlock()
		h.place.mu.Lock()
		defer h.place.mu.Unlock()
		delete(h.changes, f)
	}, nil
}

// MarkUsed implements storage.Integrations.
func (i *Integrations) MarkUsed(_ context.Context, webhookID string) error {
	h := (*Handle)(i)
	if err := h.enter(); err != nil {
		return err
	}
	defer h.leave()
	if in := h.place.find(webhookID); in != nil {
		in.Unused = false
	}
	return nil
}

// List implements storage.Integrations.
func (i *Integrations) List(_ context.Context, project string, after storage.Place, limit int) (list []storage.Integration, err error) {
	h := (*Handle)(i)
	if err := h.enter(); err != nil {
		return nil, err
	}
	defer h.leave()
	for _, in := range h.place.integrations {
		behind := cmp.Or(cmp.Compare(in.Project, after.Project), cmp.Compare(in.WebhookID, after.WebhookID)) > 0
		if !in.Deleted && behind && (project == "" || in.Project == project) {
			list = append(list, in.clone())
		}
	}
	slices.SortFunc(list, func(a, b storage.Integration) int {
		return cmp.Or(cmp.Compare(a.Project, b.Project), cmp.Compare(a.WebhookID, b.WebhookID))
	})
	return list[:min(len(list), limit)], nil
}

// SetLimits implements storage.IntegrationLimiter.
func (i *Integrations) SetLimits(limits storage.IntegrationLimits) {
	h := (*Handle)(i)
	if h.enter() == nil {
		defer h.leave()
		h.bounds = limits
	}
}

// exceeded names the limit that stands in the way of a write.
func (h *Handle) exceeded(in storage.Integration, current *integration) string {
	if in.Deleted || in.Declared {
		return ""
	}
	usage, size := h.place.usage(in.Project), bytesOf(in)
	var before int64
	if current != nil && current.Project == in.Project && !current.Declared {
		before = bytesOf(current.Integration)
	}
	switch there := usage.Integrations + usage.ReservedIDs; {
	case h.bounds.Integrations > 0 && before == 0 && there+1 > h.bounds.Integrations:
		return storage.LimitProjectIntegrations
	case h.bounds.Bytes > 0 && size > before && usage.Bytes-before+size > h.bounds.Bytes:
		return storage.LimitProjectIntegrationBytes
	}
	return ""
}

func bytesOf(in storage.Integration) int64 {
	return int64(64 + len(in.WebhookID) + len(in.Project) + len(in.Value))
}

// usage is what a project has, or all together with "".
func (p *Place) usage(project string) (usage storage.IntegrationUsage) {
	for _, in := range p.integrations {
		switch {
		case in.Declared, project != "" && in.Project != project:
			continue
		case in.Deleted:
			usage.ReservedIDs++
		default:
			usage.Integrations++
		}
		usage.Bytes += bytesOf(in.Integration)
	}
	return usage
}

// Usage implements storage.IntegrationMeter.
func (i *Integrations) Usage(_ context.Context, project string) (storage.IntegrationUsage, error) {
	h := (*Handle)(i)
	if err := h.enter(); err != nil {
		return storage.IntegrationUsage{}, err
	}
	defer h.leave()
	return h.place.usage(project), nil
}
