package memory

import (
	"bytes"
	"context"
	"io/fs"
	"slices"

	"github.com/hookgate/hookgate/module/storage"
)

// record returns a copy of what is stored.
func (p *Place) record(e *event) *storage.Record {
	r := p.listed(e)
	r.Header, r.Body = e.Header.Clone(), slices.Clone(e.Body)
	return &r
}

// listed returns a copy without header and body.
func (p *Place) listed(e *event) storage.Record {
	r := e.Record
	r.Header, r.Body = nil, nil
	r.Attempts, r.Progress = slices.Clone(e.Attempts), slices.Clone(e.Progress)
	r.Newest = p.newestOf(e)
	return r
}

// Get implements storage.Events.
func (e *Events) Get(_ context.Context, identity storage.Identity, id storage.ID) (*storage.Record, error) {
	h := (*Handle)(e)
	if err := h.enter(); err != nil {
		return nil, err
	}
	defer h.leave()
	of := h.place.events[identity][id]
	if of == nil {
		return nil, storage.ErrNotFound
	}
	return h.place.record(of), nil
}

// Open implements storage.Events.
func (e *Events) Open(ctx context.Context, identity storage.Identity, id storage.ID) (*storage.Record, storage.Body, error) {
	r, err := e.Get(ctx, identity, id)
	if err != nil {
		return nil, nil, err
	}
	b := &body{size: int64(len(r.Body)), rest: bytes.NewReader(r.Body)}
	r.Body = nil
	return r, b, nil
}

// body is that of an event, which stays what it was.
type body struct {
	size int64
	rest *bytes.Reader // nil once it is closed
}

func (b *body) Size() int64 { return b.size }

func (b *body) Read(to []byte) (int, error) {
	if b.rest == nil {
		return 0, fs.ErrClosed
	}
	return b.rest.Read(to)
}

func (b *body) Close() error {
	b.rest = nil
	return nil
}

// List implements storage.Events.
func (e *Events) List(_ context.Context, identity storage.Identity, query storage.Query) (records []storage.Record, next storage.ID, more bool, err error) {
	h := (*Handle)(e)
	if err := h.enter(); err != nil {
		return nil, next, false, err
	}
	defer h.leave()
	var found []*event
	for id, of := range h.place.events[identity] {
		if (query.Status == "" || of.Status == query.Status) && (query.Before.IsZero() || compare(id, query.Before) < 0) {
			found = append(found, of)
		}
	}
	slices.SortFunc(found, func(a, b *event) int { return compare(b.ID, a.ID) })
	for _, of := range found[:min(len(found), query.Limit)] {
		records = append(records, h.place.listed(of))
		next = of.ID
	}
	return records, next, len(records) < len(found), nil
}

// Counts implements storage.Events.
func (e *Events) Counts() (counts storage.Counts) {
	h := (*Handle)(e)
	if h.enter() != nil {
		return counts
	}
	defer h.leave()
	for of := range h.place.all {
		switch of.Status {
		case storage.Failed:
			counts.Failed++
		case storage.Pending:
			counts.Pending++
			if counts.OldestPending.IsZero() || of.ReceivedAt.Before(counts.OldestPending) {
				counts.OldestPending = of.ReceivedAt
			}
		}
	}
	return counts
}

// PendingOf implements storage.Events.
func (e *Events) PendingOf(identity storage.Identity) int {
	h := (*Handle)(e)
	if h.enter() != nil {
		return 0
	}
	defer h.leave()
	return h.place.pendingOf(identity)
}

func (p *Place) pendingOf(identity storage.Identity) (n int) {
	for _, of := range p.events[identity] {
		if of.Status == storage.Pending {
			n++
		}
	}
	return n
}

// Drop implements storage.Events.
func (e *Events) Drop(_ context.Context, identity storage.Identity, force bool) error {
	h := (*Handle)(e)
	if err := h.enter(); err != nil {
		return err
	}
	defer h.leave()
	p := h.place
	if !force && p.pendingOf(identity) > 0 {
		return storage.ErrPending
	}
	p.dropped[identity] = true
	delete(p.events, identity)
	delete(p.newest, identity)
	for name := range p.copies {
		if name.integration == identity {
			delete(p.copies, name)
		}
	}
	return nil
}

// Dropped implements storage.Events.
func (e *Events) Dropped(identity storage.Identity) bool {
	h := (*Handle)(e)
	if h.enter() != nil {
		return false
	}
	defer h.leave()
	return h.place.dropped[identity]
}

// Interface guards
var (
	_ storage.Backend            = (*Handle)(nil)
	_ storage.Events             = (*Events)(nil)
	_ storage.Limiter            = (*Events)(nil)
	_ storage.Meter              = (*Events)(nil)
	_ storage.Integrations       = (*Integrations)(nil)
	_ storage.IntegrationLimiter = (*Integrations)(nil)
	_ storage.IntegrationMeter   = (*Integrations)(nil)
)
